/**
 * Something that whoever runs the bench can put right: shown without a stack trace.
 *
 * @module
 */
export class SetupError extends Error {}
