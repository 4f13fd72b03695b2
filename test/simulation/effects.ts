/**
 * What has to happen in a thousand schedules, each at least once, for them to prove anything. These
 * are effects and not intentions: a store counts a correction that it has refused, not that somebody
 * was made to wait before it. A kind that does not happen any more tells that a fault has lost its
 * point, or that the code has come to avoid what it was meant to meet.
 */
import type { Happened } from './play-all.ts'

const required: readonly string[] = []

/** Those that never happened. */
export function missingEffects(counts: ReadonlyMap<string, Happened>): readonly string[] {
  return required.filter((kind) => !counts.has(kind))
}
