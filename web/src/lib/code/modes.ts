// The ways to show a file: what changed, both texts beside each other, or the whole file as it is now.

export const CODE_MODES = ['diff', 'split', 'file'] as const;
export type CodeMode = (typeof CODE_MODES)[number];
