declare const VIEWS: string[]; // names of the built views, from build.mjs

declare module "worker:*" {
  const source: string;
  export default source;
}
