/** Tells the person at the console one thing, in one line. */
export type Say = (line: string) => void

/** The launcher's console: what matters, with the seconds since the start before it. */
export function consoleSay(startedAtMs: number): Say {
  return (line) => {
    const seconds = ((performance.now() - startedAtMs) / 1_000).toFixed(1)
    process.stdout.write(`${seconds.padStart(6)} s  ${line}\n`)
  }
}

export const silent: Say = () => {}

/** What a long step tells on its way, and what makes it end early. */
export type Attended = {
  readonly say: Say
  readonly signal?: AbortSignal | undefined
}
