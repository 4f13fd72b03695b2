/** The example's: its servers are those that `npm start` brings up, so the defaults will do. */
import { defineConfig } from './src/index.ts'
import { userInformation } from './src/views/user-information.ts'

export default defineConfig({ views: [userInformation] })
