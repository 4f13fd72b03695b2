import type { Fault, Plan, Step } from '../plan/plan.ts'

/** By what is changed. All of it can be read, and what is of the source can be run as it stands. */
export function planText({ steps, faults, notes }: Plan): string {
  const places = [...new Set(steps.map(({ where }) => where))]
  const groups = places.map((place) => {
    const own = steps.filter(({ where }) => where === place)
    return [`${place}:`, ...own.flatMap(stepLines)].join('\n')
  })
  const wrong =
    faults.length === 0 ? [] : [['in the way:', ...faults.flatMap(faultLines)].join('\n')]
  const known = notes.map((note) => `note: ${note}`).join('\n')
  return [...groups, ...wrong, known, endOf({ steps, faults })].filter(Boolean).join('\n\n')
}

/** What an owner of the source runs, and nothing else. */
export function planSql({ steps }: Pick<Plan, 'steps'>): string {
  const own = steps.filter(({ where }) => where === 'source')
  if (own.length === 0) return '-- The source lacks nothing.'
  const head = '-- To be run as it stands, not in one transaction.'
  return [head, ...own.flatMap((step) => ['', ...stepLines(step).map((line) => line.trim())])].join(
    '\n',
  )
}

function stepLines({ where, what, text, needs }: Step): readonly string[] {
  const right = needs === undefined ? '' : ` (needs ${needs})`
  if (where === 'source') return [`  -- ${what}${right}`, ...text.map((line) => `  ${line}`)]
  return [`  ${what}${right}`, ...text.map((line) => `    ${line}`)]
}

/** Of a column, the sentence names the table. */
function faultLines({ where, what, cure }: Fault): readonly string[] {
  return [`  ${where}: ${what}`, ...(cure === undefined ? [] : [`    ${cure}`])]
}

function endOf({ steps, faults }: Pick<Plan, 'steps' | 'faults'>): string {
  if (faults.length > 0) return "The views can't be kept before that is mended."
  if (steps.length === 0) return 'All fits: there is nothing to do.'
  return `${steps.length} ${steps.length === 1 ? 'step' : 'steps'} to do: \`millrace apply\` does them.`
}
