import { generate } from '../generator.ts'
import { play } from './application.ts'

await generate(play)
