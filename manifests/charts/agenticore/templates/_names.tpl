{{- define "agenticore.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "agenticore.fullname" -}}
{{- $name := include "agenticore.name" . -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $full .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "agenticore.headlessName" -}}
{{ include "agenticore.fullname" . }}-headless
{{- end -}}

{{- define "agenticore.claimName" -}}
{{- default (printf "%s-shared" (include "agenticore.fullname" .)) .Values.storage.existingClaim -}}
{{- end -}}

{{/* By which the pods of a release are found; a StatefulSet can never have others. */}}
{{- define "agenticore.selectorLabels" -}}
app.kubernetes.io/name: {{ include "agenticore.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "agenticore.labels" -}}
{{ include "agenticore.selectorLabels" . }}
app.kubernetes.io/part-of: {{ .Chart.Name }}
{{- end -}}

{{/* (context, component): of pods that no Service, budget or policy of the server's is to find. */}}
{{- define "agenticore.helperLabels" -}}
{{- $ := index . 0 -}}
app.kubernetes.io/name: {{ include "agenticore.name" $ }}-{{ index . 1 }}
app.kubernetes.io/instance: {{ $.Release.Name }}
app.kubernetes.io/part-of: {{ $.Chart.Name }}
{{- end -}}

{{- define "agenticore.image" -}}
image: {{ printf "%s:%v" .Values.image.repository .Values.image.tag | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- end -}}

{{/* (key, value): left out when there is nothing in it. */}}
{{- define "agenticore.unlessEmpty" -}}
{{- with index . 1 -}}
{{ index $ 0 }}:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end -}}
