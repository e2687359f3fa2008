{{/*
Where a `redis-url` leads, as src/store/redis/address.ts reads it: everything up to the last @ is user and password.
*/}}
{{- define "agenticore.redisPlace" -}}
{{- $scheme := regexFind "^[\\w+.-]*://" . -}}
{{- $place := regexReplaceAll "(?s)^.*@" (trimPrefix $scheme .) "" | splitList "?" | first | splitList "/" -}}
{{- $path := append (rest $place) "" -}}
{{- $isSentinel := hasSuffix "+sentinel://" $scheme -}}
{{- $addresses := list -}}
{{- range splitList "," (first $place) -}}
{{- if regexMatch "^(\\[[^\\]]+\\]|[^:]+)$" . -}}
{{- $addresses = append $addresses (printf "%s:%s" . (ternary "26379" "6379" $isSentinel)) -}}
{{- else -}}
{{- $addresses = append $addresses . -}}
{{- end -}}
{{- end -}}
{{- dict "addresses" (join "," $addresses) "master" (ternary (first $path) "" $isSentinel) "database" (ternary (append $path "" | rest | first) (first $path) $isSentinel) "tls" (hasPrefix "rediss" $scheme) | toJson -}}
{{- end }}

{{/* KEDA runs in a namespace of its own, where a name without a dot is nobody's. */}}
{{- define "agenticore.seenFromElsewhere" -}}
{{- $addresses := list -}}
{{- range splitList "," .address -}}
{{- if regexMatch "^[^.:]+:\\d+$" . -}}
{{- $addresses = append $addresses (printf "%s.%s.svc:%s" (splitList ":" . | first) $.namespace (splitList ":" . | last)) -}}
{{- else -}}
{{- $addresses = append $addresses . -}}
{{- end -}}
{{- end -}}
{{- join "," $addresses -}}
{{- end }}
