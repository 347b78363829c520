// What the linked pictures of the view share.
export interface Look {
  step: number;
  place: number; // which member
  share: number; // of the way from the network to its compressed form
}
