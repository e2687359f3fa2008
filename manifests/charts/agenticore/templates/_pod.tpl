{{/* How many jobs at once, what a pod asks for, what it may use; what lies between two rows takes the next. */}}
{{- define "agenticore.resources" -}}
{{- $jobs := int .Values.config.maxParallelJobs -}}
{{- $cpu := printf "%dm" (mul $jobs 400) -}}
{{- $memory := printf "%dMi" (div (add (mul $jobs 4096) 9) 10) -}}
{{- range list (list 10 "4" "4Gi") (list 5 "2" "3Gi") (list 2 "1" "2Gi") -}}
{{- if le $jobs (index . 0) -}}
{{- $cpu = index . 1 -}}
{{- $memory = index . 2 -}}
{{- end -}}
{{- end -}}
{{- $requests := dict "cpu" $cpu "memory" (printf "%dMi" (add 256 (mul $jobs 320))) "ephemeral-storage" "5Gi" -}}
{{- $own := dict "requests" $requests "limits" (dict "memory" $memory) -}}
{{- mergeOverwrite $own (deepCopy .Values.resources) | toYaml -}}
{{- end -}}

{{/*
Root steps down at once; the four capabilities are what a user of its own for each agent takes. Without such users nobody
has any, as the restricted pod standard wants it.
*/}}
{{- define "agenticore.containerSecurity" -}}
{{- $own := dict "allowPrivilegeEscalation" false "readOnlyRootFilesystem" true -}}
{{- if eq .Values.agent.isolation "user" -}}
{{- $capabilities := dict "drop" (list "ALL") "add" (list "SETUID" "SETGID" "KILL" "CHOWN") -}}
{{- $own = merge $own (dict "runAsUser" 0 "runAsGroup" 0 "capabilities" $capabilities) -}}
{{- else -}}
{{- $own = merge $own (include "agenticore.withoutUsers" . | fromYaml) -}}
{{- end -}}
{{- mergeOverwrite $own (deepCopy .Values.securityContext) | toYaml -}}
{{- end -}}

{{- define "agenticore.withoutUsers" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "agenticore.podSecurity" -}}
{{- $own := dict "seccompProfile" (dict "type" "RuntimeDefault") -}}
{{- if ne .Values.agent.isolation "user" -}}
{{- $own = merge $own (dict "fsGroup" 1000 "fsGroupChangePolicy" "OnRootMismatch") -}}
{{- end -}}
{{- mergeOverwrite $own (deepCopy .Values.podSecurityContext) | toYaml -}}
{{- end -}}

{{- define "agenticore.sharedPlaces" -}}
- name: AGENTICORE_SHARED_FS_ROOT
  value: {{ .Values.sharedFs.root | quote }}
- name: AGENTICORE_REPOS_ROOT
  value: {{ .Values.sharedFs.reposRoot | quote }}
- name: AGENTICORE_JOBS_DIR
  value: {{ .Values.sharedFs.jobsDir | quote }}
{{- end -}}

{{/* (context, variable, key) */}}
{{- define "agenticore.optionalSecret" -}}
- name: {{ index . 1 }}
  valueFrom:
    secretKeyRef:
      name: {{ (index . 0).Values.secretName | quote }}
      key: {{ index . 2 }}
      optional: true
{{- end -}}

{{- define "agenticore.ownEnvironment" -}}
- name: AGENTICORE_POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: AGENTICORE_POD_INDEX
  valueFrom:
    fieldRef:
      fieldPath: metadata.labels['apps.kubernetes.io/pod-index']
- name: AGENTICORE_HOST
  value: 0.0.0.0
- name: AGENTICORE_PORT
  value: {{ .Values.config.port | quote }}
- name: AGENTICORE_TRANSPORT
  value: {{ .Values.config.transport | quote }}
- name: AGENTICORE_DEFAULT_PROFILE
  value: {{ .Values.config.defaultProfile | quote }}
- name: AGENTIHOOKS_PROFILE
  value: {{ .Values.config.agentihooksProfile | quote }}
- name: AGENTICORE_MAX_PARALLEL_JOBS
  value: {{ .Values.config.maxParallelJobs | int64 | quote }}
- name: AGENTICORE_JOB_TTL
  value: {{ .Values.config.jobTtl | int64 | quote }}
- name: AGENTICORE_CLAUDE_BINARY
  value: {{ .Values.config.claudeBinary | quote }}
- name: AGENTICORE_CLAUDE_TIMEOUT
  value: {{ .Values.config.claudeTimeout | int64 | quote }}
- name: AGENTICORE_AGENT_ISOLATION
  value: {{ .Values.agent.isolation | quote }}
{{ include "agenticore.sharedPlaces" . }}
- name: AGENTICORE_WORKTREE_ROOT
  value: /app/worktrees
- name: AGENTICORE_CACHE_LIMIT
  value: {{ .Values.worktrees.cacheLimit | quote }}
{{- with .Values.agentihooks.url }}
- name: AGENTICORE_AGENTIHOOKS_URL
  value: {{ . | quote }}
{{- end }}
{{- with .Values.agentihooks.path }}
- name: AGENTICORE_AGENTIHOOKS_PATH
  value: {{ . | quote }}
{{- end }}
{{- if ne (toString .Values.agentihooks.syncInterval) "" }}
- name: AGENTICORE_AGENTIHOOKS_SYNC_INTERVAL
  value: {{ .Values.agentihooks.syncInterval | int64 | quote }}
{{- end }}
- name: REDIS_KEY_PREFIX
  value: {{ .Values.config.redisKeyPrefix | quote }}
- name: REDIS_URL
  valueFrom:
    secretKeyRef:
      name: {{ .Values.secretName | quote }}
      key: redis-url
{{ include "agenticore.optionalSecret" (list . "AGENTICORE_API_KEYS" "api-keys") }}
{{ include "agenticore.optionalSecret" (list . "ANTHROPIC_API_KEY" "anthropic-api-key") }}
{{ include "agenticore.optionalSecret" (list . "GITHUB_TOKEN" "github-token") }}
{{- end -}}

{{/* Of a variable that is given, too, the given one counts. */}}
{{- define "agenticore.environment" -}}
{{- $given := list -}}
{{- range .Values.extraEnv -}}
{{- $given = append $given .name -}}
{{- end -}}
{{- $all := list -}}
{{- range include "agenticore.ownEnvironment" . | fromYamlArray -}}
{{- if not (has .name $given) -}}
{{- $all = append $all . -}}
{{- end -}}
{{- end -}}
{{- concat $all .Values.extraEnv | toYaml -}}
{{- end -}}
