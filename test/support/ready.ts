import type { Chain } from '../../src/dev/chain.ts'
import type { Status } from '../../src/web/statuses.ts'

/** What `GET /ready` and `GET /status` answer, as far as tests look at it. */
export type Ready = {
  /** Of `GET /ready`. */
  readonly httpStatus: number
  /** `ready`, `degraded` or `unavailable`. */
  readonly status: Status['status']
  readonly reasons: readonly string[]
  readonly parked: number
  /** Codes of what stands still. */
  readonly problems: readonly string[]
  /** Codes of the doubts that stand. */
  readonly doubts: readonly string[]
  readonly views: Status['views']
}

export async function ready(chain: Chain): Promise<Ready> {
  const answer = await get(chain, '/ready')
  await answer.body?.cancel()
  const { status, reasons, views } = (await (await get(chain, '/status')).json()) as Status
  return {
    httpStatus: answer.status,
    status,
    reasons,
    parked: views.reduce((sum, { parked }) => sum + (parked ?? 0), 0),
    problems: views.flatMap((view) => view.problems.map(({ code }) => code)),
    doubts: views.flatMap((view) => view.doubts.map(({ code }) => code)),
    views,
  }
}

function get(chain: Chain, path: string): Promise<Response> {
  return fetch(`${chain.urls.api}${path}`, { signal: AbortSignal.timeout(5_000) })
}
