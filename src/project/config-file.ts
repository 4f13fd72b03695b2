/** Finds and loads the configuration file. Node itself reads TypeScript, by stripping the types. */
import { existsSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, MillraceError } from '../errors.ts'
import { resolveOwnPackage } from './own-package.ts'

/** Looked for in this order. */
export const configFileNames = ['ts', 'mts', 'mjs', 'js'].map((end) => `millrace.config.${end}`)

export type ConfigFile = {
  readonly path: string
  /** As messages name it. */
  readonly name: string
  /** What it exports by default. */
  readonly values: Readonly<Record<string, unknown>>
}

/** The file at `given`, else that of the folder; undefined where the folder has none. */
export async function loadConfigFile(
  folder: string,
  given?: string,
): Promise<ConfigFile | undefined> {
  const path = given === undefined ? found(folder) : resolve(folder, given)
  if (path === undefined) return undefined
  const name = given ?? basename(path)
  if (!existsSync(path)) throw unusable(`there is no file ${path}`)
  if (/\.[mc]?ts$/.test(path) && !process.features.typescript) {
    throw unusable(`${name}: this Node, ${process.version}, does not read TypeScript`, {
      hint: 'Node 22.18, 24 and newer do. Or write it in JavaScript, as millrace.config.mjs.',
    })
  }
  return { path, name, values: objectOf(name, await load(path, name)) }
}

function found(folder: string): string | undefined {
  return configFileNames.map((name) => join(folder, name)).find((path) => existsSync(path))
}

async function load(path: string, name: string): Promise<unknown> {
  resolveOwnPackage()
  try {
    const module = (await import(pathToFileURL(path).href)) as { readonly default?: unknown }
    return module.default
  } catch (error) {
    // A view that can't be defined says everything that is wrong with it.
    if (error instanceof MillraceError) throw error
    const hint = hintOf(error)
    const cause = { cause: error, ...(hint !== undefined && { hint }) }
    throw unusable(`${name} can't be loaded${placeOf(error)}`, cause)
  }
}

/** Where a file can't be read as JavaScript or TypeScript: Node begins such a stack with the line. */
function placeOf(error: unknown): string {
  const stack = typeof error === 'object' && error && 'stack' in error ? String(error.stack) : ''
  const [, place] = /^(?:file:\/\/)?(\/[^\n]*:\d+)\n/.exec(stack) ?? []
  return place === undefined ? '' : ` (${place})`
}

function hintOf(error: unknown): string | undefined {
  const text = describe(error)
  const code = typeof error === 'object' && error && 'code' in error ? error.code : undefined
  if (code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX') {
    return 'Types are stripped and nothing else is done: no enum, namespace or parameter property.'
  }
  if (code === 'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING') {
    return 'Node reads no TypeScript below node_modules: build that package to JavaScript.'
  }
  const isOfModules =
    /outside a module|Unexpected token 'export'|does not provide an export named/.test(text)
  if (!isOfModules) return undefined
  return (
    'It and what it imports have to be ES modules: say "type": "module" in package.json ' +
    '(npm pkg set type=module), or end their names with .mts or .mjs.'
  )
}

function objectOf(name: string, exported: unknown): Readonly<Record<string, unknown>> {
  if (typeof exported === 'object' && exported !== null && !Array.isArray(exported)) {
    return exported as Readonly<Record<string, unknown>>
  }
  throw unusable(`${name} exports no configuration by default`, {
    hint: "import { defineConfig } from 'millrace'; export default defineConfig({ views: [ … ] })",
  })
}

function unusable(
  message: string,
  options: { readonly hint?: string; readonly cause?: unknown } = {},
): MillraceError {
  return new MillraceError('config', message, options)
}
