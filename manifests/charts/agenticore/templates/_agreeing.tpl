{{/* What a schema cannot say; src/kubernetes/read-values.ts says the same. */}}
{{- define "agenticore.agreeing" -}}
{{- if gt (int64 .Values.keda.minReplicas) (int64 .Values.keda.maxReplicas) -}}
{{- fail "keda.minReplicas is more than keda.maxReplicas." -}}
{{- end -}}
{{- if and (contains "," .Values.keda.redisAddress) (not .Values.keda.sentinelMaster) -}}
{{- fail "keda.redisAddress: more than one are Sentinels, and those need keda.sentinelMaster." -}}
{{- end -}}
{{- if lt (int64 .Values.drain.gracePeriodSeconds) (add (int64 .Values.drain.timeoutSeconds) 30) -}}
{{- fail "drain.gracePeriodSeconds has to be 30 more than drain.timeoutSeconds: a pod closes after it has drained." -}}
{{- end -}}
{{- if and .Values.service.loadBalancerSourceRanges (ne .Values.service.type "LoadBalancer") -}}
{{- fail "service.loadBalancerSourceRanges is for service.type LoadBalancer alone." -}}
{{- end -}}
{{- $name := include "agenticore.fullname" . -}}
{{- if not (regexMatch "^[a-z][-a-z0-9]*$" $name) -}}
{{- fail (printf "%s is no name for a Service, which has a letter, then small letters, digits and -: set fullnameOverride." $name) -}}
{{- end -}}
{{- $root := printf "%s/" (trimSuffix "/" .Values.sharedFs.root) -}}
{{- range list .Values.sharedFs.reposRoot .Values.sharedFs.jobsDir -}}
{{- if not (hasPrefix $root .) -}}
{{- fail (printf "sharedFs: %s is not on the volume that is mounted at %s." . $.Values.sharedFs.root) -}}
{{- end -}}
{{- end -}}
{{- range list "/app" "/bin" "/boot" "/dev" "/etc" "/home" "/lib" "/lib64" "/opt/agentihooks" "/proc" "/root" "/run" "/sbin" "/sys" "/tmp" "/usr" "/var/tmp" -}}
{{- if or (hasPrefix $root (printf "%s/" .)) (hasPrefix (printf "%s/" .) $root) -}}
{{- fail (printf "sharedFs.root: %s would hide something of %s, which pods need." $.Values.sharedFs.root .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
