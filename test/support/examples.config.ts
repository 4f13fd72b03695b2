/** The views of all examples, as each of them declares them: their tables can stand in one database. */
import { defineConfig } from '../../src/index.ts'
import motors from '../../examples/motors/millrace.config.ts'
import music from '../../examples/music/millrace.config.ts'
import play from '../../examples/play/millrace.config.ts'
import shop from '../../examples/shop/millrace.config.ts'
import social from '../../examples/social/millrace.config.ts'

const all = [social, music, motors, play, shop]

export default defineConfig({ views: all.flatMap(({ views }) => views) })
