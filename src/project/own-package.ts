/** What `import … from 'millrace'` means in a configuration file. */
import { registerHooks } from 'node:module'
import { extname } from 'node:path'

const end = extname(import.meta.filename)
const modules: Readonly<Record<string, string>> = {
  millrace: new URL(`../index${end}`, import.meta.url).href,
  'millrace/test': new URL(`../test${end}`, import.meta.url).href,
}

let isRegistered = false

/**
 * From here on that is the package which runs, built or not: a file that lies elsewhere could find
 * another copy, or none. What the two tell each other by identity would be lost between copies.
 */
export function resolveOwnPackage(): void {
  if (isRegistered) return
  isRegistered = true
  registerHooks({
    resolve: (specifier, context, next) => next(modules[specifier] ?? specifier, context),
  })
}
