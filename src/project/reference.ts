/** The reference of all settings, as Markdown. `SETTINGS.md` is what this writes. */
import { variableOf } from '../environment.ts'
import {
  configuredRoles,
  nameInFile,
  settingGroups,
  settings,
  type Setting,
  type SettingOf,
} from '../settings.ts'

const beginning = `# Settings

Each setting stands in \`millrace.config.ts\` under its name, or in the environment under its variable;
the environment goes before the file. A variable that is empty counts as left out. Everything that is
wrong is said at once, and never with a value. A name that is not known is refused. Each command
checks the settings that it reads.

\`views\`, the list of what \`defineView\` answers, stands in the file alone. \`--config PATH\` or
\`MILLRACE_CONFIG\` names the file; else it is \`millrace.config.ts\`, \`.mts\`, \`.mjs\` or \`.js\` of the
current folder. Stores are named by their addresses, \`stores: { redis: 'redis://…', postgres:
'postgres://…' }\`: those that are named are kept.

\`npm run settings\` writes this file from \`src/settings.ts\`.
`

const headings = ['in the file', 'variable', 'value', 'default', 'what it does', 'read by']

export function settingsReference(): string {
  const groups = Object.entries(settingGroups).map(([title, group]) => {
    const names = Object.keys(group) as Setting[]
    const rows = [headings, headings.map(() => '---'), ...names.map(cellsOf)]
    return `## ${title}\n\n${rows.map((row) => `| ${row.join(' | ')} |\n`).join('')}`
  })
  return [beginning, ...groups].join('\n')
}

function cellsOf(name: Setting): readonly string[] {
  const { form, fallback, fallbackWords, does, readers } = settings[name] as SettingOf<
    unknown,
    unknown
  >
  return [
    name === 'stores' ? 'the names in `stores`' : `\`${nameInFile(name)}\``,
    `\`${variableOf(name)}\``,
    form.words,
    fallbackWords ?? `\`${String(fallback)}\``,
    does,
    readersText(readers),
  ]
}

/** Those that read everything are not worth a word. */
function readersText(readers: SettingOf<unknown, unknown>['readers']): string {
  const named = readers.filter((role) => role !== 'bench')
  return named.length === configuredRoles.length - 1 ? 'all' : named.join(', ')
}
