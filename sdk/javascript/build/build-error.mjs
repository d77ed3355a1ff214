// The plugin cannot be built, and why, for its author.
export class BuildError extends Error {}
