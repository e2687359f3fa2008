/**
 * HEALTHCHECK: ends with 0 when the server of this container is well. It is asked by its control socket, wherever it
 * listens; one that drains is well, and nobody is to kill it for that.
 */
import { get } from 'node:http'

const socketPath = process.env.AGENTICORE_CONTROL_SOCKET ?? ''
get({ socketPath, path: '/health', timeout: 4000 }, ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1))
  .on('timeout', () => process.exit(1))
  .on('error', () => process.exit(1))
