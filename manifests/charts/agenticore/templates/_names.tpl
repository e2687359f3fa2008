{{/* A whole number of a file of values is a float here, and would be printed as one. */}}
{{- define "agenticore.text" -}}
{{- if kindIs "float64" . }}{{ int64 . }}{{ else }}{{ . }}{{ end -}}
{{- end -}}

{{/* 48, and 52 below: what Kubernetes and this chart put behind them has room in a label's 63 letters. */}}
{{- define "agenticore.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 48 | trimSuffix "-" -}}
{{- end -}}

{{- define "agenticore.fullname" -}}
{{- $name := include "agenticore.name" . -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $full .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "agenticore.headlessName" -}}
{{ include "agenticore.fullname" . }}-headless
{{- end -}}

{{- define "agenticore.claimName" -}}
{{- default (printf "%s-shared" (include "agenticore.fullname" .)) .Values.storage.existingClaim -}}
{{- end -}}

{{/* By which the pods of a release are found; a StatefulSet can never have others. */}}
{{- define "agenticore.selectorLabels" -}}
app.kubernetes.io/name: {{ include "agenticore.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "agenticore.labels" -}}
{{ include "agenticore.selectorLabels" . }}
app.kubernetes.io/part-of: {{ .Chart.Name }}
{{- end -}}

{{/* (context, component): of pods that no Service, budget or policy of the server's is to find. */}}
{{- define "agenticore.helperLabels" -}}
{{- $ := index . 0 -}}
app.kubernetes.io/name: {{ printf "%s-%s" (include "agenticore.name" $) (index . 1) | quote }}
app.kubernetes.io/instance: {{ $.Release.Name | quote }}
app.kubernetes.io/part-of: {{ $.Chart.Name }}
{{- end -}}

{{- define "agenticore.image" -}}
image: {{ printf "%s:%s" .Values.image.repository (include "agenticore.text" .Values.image.tag) | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- end -}}

{{/* (key, value): left out when there is nothing in it. */}}
{{- define "agenticore.unlessEmpty" -}}
{{- with index . 1 -}}
{{ index $ 0 }}:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end -}}
