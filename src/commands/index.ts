import type { Command } from '@oclif/core'

type Load = () => Promise<Command.Class>

/** Every command by its name; each is a chunk of its own in the bundle, read when it is run. */
export const commands: Readonly<Record<string, Load>> = {
  autocomplete: async () => (await import('./autocomplete.ts')).default,
  cancel: async () => (await import('./cancel.ts')).default,
  doctor: async () => (await import('./doctor.ts')).default,
  drain: async () => (await import('./drain.ts')).default,
  help: async () => (await import('@oclif/plugin-help')).commands.help,
  'init-shared-fs': async () => (await import('./init-shared-fs.ts')).default,
  'install-k8s': async () => (await import('./install-k8s.ts')).default,
  job: async () => (await import('./job.ts')).default,
  jobs: async () => (await import('./jobs.ts')).default,
  logs: async () => (await import('./logs.ts')).default,
  pods: async () => (await import('./pods.ts')).default,
  profiles: async () => (await import('./profiles.ts')).default,
  resume: async () => (await import('./resume.ts')).default,
  retry: async () => (await import('./retry.ts')).default,
  run: async () => (await import('./run.ts')).default,
  serve: async () => (await import('./serve.ts')).default,
  status: async () => (await import('./status.ts')).default,
  version: async () => (await import('./version.ts')).default,
}
