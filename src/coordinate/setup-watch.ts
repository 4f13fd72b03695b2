import type { MillraceError } from '../errors.ts'
import type { Doubt, StandingDoubt, ViewState } from '../store/state.ts'
import type { Coordination } from './coordinator.ts'
import { decodeFingerprint, doubt, doubtsBetween, encodeFingerprint } from './fingerprint.ts'
import { unfit } from './setup.ts'
import { mergedView } from './view-plan.ts'

/** Faults that come slowly, and cost a dozen questions to find. */
const faultsEveryMs = 30_000

/**
 * Compares the set-up with what it was, and writes down what follows. While something of it does
 * not fit, the doubt is raised again at every look, so that it can't end before that is mended.
 */
export class SetupWatch {
  readonly #parts: Coordination
  #faultsAtMs = Number.NEGATIVE_INFINITY

  constructor(parts: Coordination) {
    this.#parts = parts
  }

  async look(state: ViewState): Promise<void> {
    const { store, setup, barriers, log, clock } = this.#parts
    const view = mergedView(state)
    // A barrier that is begun from here on sees what the fingerprint shows.
    const barrier = barriers.following
    const found = await setup.look(view)
    const after = encodeFingerprint(found)
    const altered = after !== state.fingerprint
    const doubts: Doubt[] = []
    if (altered && state.fingerprint !== undefined) {
      const tableOf = (topic: string) => setup.tableOf(view, topic)
      const before = decodeFingerprint(state.fingerprint)
      doubts.push(...doubtsBetween(before, found, { tableOf, barrier }))
    }
    const nowMs = clock.monotonicMs()
    const unfitUntilNow = state.doubts.find(({ code }) => code === 'source-unfit')
    if (altered || unfitUntilNow || nowMs - this.#faultsAtMs >= faultsEveryMs) {
      const faults = await setup.faults(view)
      this.#faultsAtMs = nowMs
      if (faults.length > 0) doubts.push(unfitDoubt(unfit(view, faults), faults, barrier))
      else if (unfitUntilNow) doubts.push(mendedDoubt(unfitUntilNow, barrier))
    }
    if (!altered && doubts.length === 0) return
    const { epoch, fingerprint: before } = state
    const said = new Set(state.doubts.map(({ name, reason }) => `${name} ${reason}`))
    if (!(await store.coordination.observe({ epoch, before, after, doubts }))) return
    for (const { code, name, reason, hint } of doubts) {
      if (!said.has(`${name} ${reason}`)) log.error({ code, reason, hint }, 'doubt raised')
    }
  }
}

/** In the place of the doubt that stood: partitions may pass what stopped them, and looks end it. */
function mendedDoubt({ name, tables, reason }: StandingDoubt, barrier: number): Doubt {
  const mended = doubt('source-was-unfit', barrier, { tables, reason: `until now, ${reason}` })
  return { ...mended, name }
}

function unfitDoubt(
  { message, hint }: MillraceError,
  faults: readonly { readonly table: string | undefined }[],
  barrier: number,
): Doubt {
  const tables = faults.map(({ table }) => table)
  const known = tables.every((table) => table !== undefined)
  return doubt('source-unfit', barrier, {
    reason: message,
    hint,
    tables: known ? [...new Set(tables)] : [],
  })
}
