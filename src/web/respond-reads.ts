import { limits } from '../store/limits.ts'
import { toJson } from '../view/json.ts'
import type { EntryKey, Question } from '../view/respond.ts'
import { fieldsOf, type View } from '../view/view.ts'
import type { EntriesOptions, Standing } from './entries.ts'
import { parseKey, parseParts } from './entry-key.ts'
import { doubted, notServed, readFailure, refusalOf, type Refusal } from './refusals.ts'
import { leastOf, readTogether, type ServedViews, type TogetherAnswer } from './together.ts'

export type RespondReadsOptions = Pick<EntriesOptions, 'onDoubt' | 'log'> & {
  /** Views that may be read, by name. */
  readonly served: ServedViews
}

/** A view can't be read now. Where a `respond` throws it on, readers are told that. */
export class ReadRefused extends Error {
  readonly refusal: Refusal

  constructor(refusal: Refusal) {
    super(refusal.detail)
    this.name = 'ReadRefused'
    this.refusal = refusal
  }
}

/** A fault of the function itself, in words that hold no data. */
export class RespondFault extends Error {}

/** What one `respond` reads, and how right all of it is. */
export class RespondReads {
  readonly #options: RespondReadsOptions
  readonly #standings: Standing[]

  constructor(first: Standing, options: RespondReadsOptions) {
    this.#options = options
    this.#standings = [first]
  }

  get standing(): Standing {
    return leastOf(this.#standings)
  }

  /** Answers the entries of each question as JSON, in the order of its keys. */
  async read(
    questions: readonly Question[],
    signal: AbortSignal,
  ): Promise<readonly (readonly (object | null)[])[]> {
    signal.throwIfAborted()
    if (questions.length === 0) return []
    const asked = questions.map((question) => this.#asked(question))
    const count = asked.reduce((sum, { keys }) => sum + keys.length, 0)
    if (count > limits.readKeysMax) {
      throw new RespondFault(`it read ${count} keys at once: ${limits.readKeysMax} can be`)
    }
    const answer = await this.#answer(asked)
    signal.throwIfAborted()
    return answer.found.map(({ view, entries, looked }, at) => {
      const jsons = entries.map((entry) => entry && toJson(view, entry, looked))
      return asked[at]!.places.map((place) => (place === undefined ? null : jsons[place]!))
    })
  }

  /** Where the keys of a question stand among those that are read; what is no key finds nothing. */
  #asked({ view: { name }, keys, only }: Question) {
    const served = this.#options.served.get(name)
    if (!served) throw new RespondFault(`it read the view ${name}, which the configuration lacks`)
    const { view } = served.own
    if (only) refuseStrange(view, only)
    const places = new Map<string, number>()
    const found = keys.map((given) => {
      const key = keyOf(view, given)
      if (key === undefined) return undefined
      if (!places.has(key)) places.set(key, places.size)
      return places.get(key)
    })
    return { served, keys: [...places.keys()], only, places: found }
  }

  async #answer(
    asked: Parameters<typeof readTogether>[0],
  ): Promise<Extract<TogetherAnswer, { kind: 'serving' }>> {
    const { onDoubt, log } = this.#options
    const answer = await readTogether(asked, this.#options.served).catch((error: unknown) => {
      throw new ReadRefused(refusalOf(readFailure(error, log)))
    })
    if (answer.kind === 'unavailable') {
      throw new ReadRefused(notServed(answer.name, answer.phase))
    }
    this.#standings.push(answer)
    const wrong = answer.found.find(({ doubts }) => doubts.length > 0)
    if (onDoubt === 'refuse' && wrong) {
      throw new ReadRefused(doubted(wrong.view.name, wrong.doubts))
    }
    return answer
  }
}

function refuseStrange(view: View, only: readonly string[]): void {
  const known = [...fieldsOf(view), ...view.aggregates].map(({ name }) => name)
  const strange = only.find((each) => !known.includes(each))
  if (strange === undefined) return
  throw new RespondFault(`it read ${strange} of ${view.name}, which is no field or aggregate of it`)
}

function keyOf(view: View, given: EntryKey): string | undefined {
  // A column of type integer is a number in JSON.
  if (![given].flat().every((part) => typeof part === 'string')) {
    throw new RespondFault(
      `it read a key of ${view.name} that is no text: numbers have to be one too`,
    )
  }
  return typeof given === 'string' ? parseKey(view, given) : parseParts(view, given)
}
