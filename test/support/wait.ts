/** On a machine that is busy with other things, `MILLRACE_TEST_SLOWNESS=3` waits thrice as long. */
export const slowness = Number(process.env.MILLRACE_TEST_SLOWNESS ?? 1)

const usualTimeoutMs = 60_000 * slowness

/** Waits until `condition` holds; fails with `what` after `timeoutMs`. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = usualTimeoutMs,
): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new Error(`not within ${timeoutMs} ms: ${what}`)
    await sleep(10)
  }
}

export function sleep(ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  setTimeout(resolve, ms)
  return promise
}
