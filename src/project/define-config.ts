import type { FileSettings, StoreName } from '../settings.ts'
import type { View } from '../view/view.ts'

/**
 * What `millrace.config.ts` exports by default: the views, and settings that differ from their
 * defaults. A variable `MILLRACE_…` of the environment goes before what stands here.
 *
 *     export default defineConfig({
 *       source: 'postgres://millrace@db.example/shop',
 *       kafka: ['kafka-1:9092', 'kafka-2:9092'],
 *       stores: { redis: 'redis://cache.example:6379' },
 *       views: [shopOrders],
 *     })
 */
export type MillraceConfig = FileSettings & {
  /** Addresses of the stores that are kept. */
  readonly stores?: { readonly [Name in StoreName]?: string | undefined } | undefined
  /** What `defineView` answers, one or more. */
  readonly views: readonly View[]
}

/** Gives the configuration its type. It is checked when a command reads it. */
export function defineConfig(config: MillraceConfig): MillraceConfig {
  return config
}
