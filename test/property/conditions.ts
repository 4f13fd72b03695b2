/** Conditions that aggregates have on their rows: as declarations have them, and as SQL. */
import { typeOf } from '../../src/types/types.ts'
import type { Comparison, Condition } from '../../src/view/condition.ts'
import { fieldForm, keyForms, type Form } from './forms.ts'

const forms: readonly Form[] = [
  ...keyForms,
  ...(['boolean', 'numeric', 'time', 'timestamp', 'timestamptz'] as const).map((type) =>
    fieldForm(type, 0),
  ),
]

const equal: readonly Comparison[] = ['=', '<>', 'in', 'null', 'not null']
const ordered: readonly Comparison[] = [...equal, '<', '<=', '>', '>=']

/** Kinds of comparisons, each of which chance picks often enough. */
export const conditionKinds = ['condition of equality', 'condition of order', 'condition of null']

export function kindOfCondition({ is }: Pick<Condition, 'is'>): string {
  if (is.endsWith('null')) return 'condition of null'
  return `condition of ${equal.includes(is) ? 'equality' : 'order'}`
}

/** The column that rows are asked for; undefined where they are asked for nothing. */
export function conditionForm(which: number): Form | undefined {
  return which % 3 === 0 ? undefined : forms[(which >> 2) % forms.length]!
}

export function conditionOn(column: string, form: Form, which: number): Condition {
  const { type } = form
  const { constant } = typeOf(type)
  const kinds = constant!.isOrdered ? ordered : equal
  const is = kinds[(which >> 6) % kinds.length]!
  const texts = form.values.map(([, text]) => text).filter((text) => constant!.isValue(text))
  const values = [0, 1].map((at) => texts[((which >> 9) + at) % texts.length]!)
  if (is === 'null' || is === 'not null') return { column, type, is, values: [] }
  return { column, type, is, values: is === 'in' ? values : values.slice(0, 1) }
}

/** In SQL of its own, by the SQL that the column's values were written with. */
export function conditionSql(
  { is, values }: Pick<Condition, 'is' | 'values'>,
  quoted: string,
  form: Form,
): string {
  const constants = values.map((value) => {
    const [sql] = form.values.find(([, text]) => text === value)!
    return `(${sql})::${form.column}`
  })
  if (is === 'null' || is === 'not null') return `${quoted} is ${is}`
  return is === 'in'
    ? `${quoted} in (${constants.join(', ')})`
    : `${quoted} ${is} ${constants.join()}`
}
