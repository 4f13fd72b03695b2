/** Texts of one width whose order of bytes is that of the values. */
import type { OrderForm } from './value-type.ts'

type Ranks = {
  /** Decimal digits of the texts, which have room for more values than there are. */
  readonly width: number
  /** Rank of the first value that is not infinite. */
  readonly first: bigint
  /** Undefined where the text is no value. */
  readonly rankOf: (text: string) => bigint | number | undefined
  /** The canonical text again. */
  readonly textOf: (rank: bigint) => string
}

/** Values that have a rank; those whose rank is infinite are written as nothing but 0 or 9. */
export function byRank({ width, first, rankOf, textOf }: Ranks): OrderForm {
  const [least, most] = ['0'.repeat(width), '9'.repeat(width)]
  return {
    spell(text) {
      const rank = rankOf(text)
      if (rank === undefined) return undefined
      if (rank === Infinity) return most
      if (rank === -Infinity) return least
      return String(BigInt(rank) - first + 1n).padStart(width, '0')
    },
    read(spelled) {
      if (spelled === most) return 'infinity'
      if (spelled === least) return '-infinity'
      return textOf(BigInt(spelled) + first - 1n)
    },
  }
}

/** Values whose canonical texts stand in SQL's order already. */
export function byText(isValue: (text: string) => boolean): OrderForm {
  return { spell: (text) => (isValue(text) ? text : undefined), read: (spelled) => spelled }
}
