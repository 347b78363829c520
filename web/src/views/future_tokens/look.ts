// What the linked pictures of the view share.
export interface Look {
  step: number;
  group: number; // which arms
}
