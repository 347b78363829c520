// What the linked pictures of the view share.
export interface Look {
  step: number;
  member: number
  share: number; // of the way from the network to its compressed form
}
