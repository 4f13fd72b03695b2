import type { Chain } from '../../src/dev/chain.ts'

/** What `GET /ready` answers, as far as tests look at it. */
export type Ready = {
  readonly httpStatus: number
  /** `ready`, `degraded` or `unavailable`. */
  readonly status: string
  readonly reasons: readonly string[]
  readonly parked: number
  /** Codes of what stops partitions. */
  readonly problems: readonly string[]
}

type Body = {
  readonly status: string
  readonly reasons: readonly string[]
  readonly views: readonly {
    readonly parked: number
    readonly problems: readonly { readonly code: string }[]
  }[]
}

export async function ready(chain: Chain): Promise<Ready> {
  const signal = AbortSignal.timeout(5_000)
  const response = await fetch(`${chain.urls.api}/ready`, { signal })
  const { status, reasons, views } = (await response.json()) as Body
  const problems = views.flatMap((view) => view.problems.map(({ code }) => code))
  return {
    httpStatus: response.status,
    status,
    reasons,
    parked: views.reduce((sum, { parked }) => sum + parked, 0),
    problems,
  }
}
