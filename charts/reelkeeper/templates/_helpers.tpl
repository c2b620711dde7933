{{/*
Names are fixed, not made from the release's: the CRDs are cluster-wide, so that there is one Reelkeeper in a cluster, and the
admission policies and the audit log know its ServiceAccounts by name.
*/}}

{{- /* Labels that every object has besides its name and component. */ -}}
{{- define "reelkeeper.labels" -}}
app.kubernetes.io/part-of: reelkeeper
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- /* The image, by digest where there is one. */ -}}
{{- define "reelkeeper.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default (printf "v%s" $.Chart.AppVersion) }}
{{- end }}
{{- end }}
{{- end }}

{{- /* What the Pods of both Deployments share: a dict of root, component, and that component's values. */ -}}
{{- define "reelkeeper.pod" -}}
serviceAccountName: reelkeeper-{{ .component }}
hostUsers: false
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  {{- if eq .component "gateway" }}
  fsGroup: 65532
  {{- end }}
  seccompProfile:
    type: RuntimeDefault
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "reelkeeper.selector" . | nindent 8 }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{- /* What Deployments, Services and budgets find their Pods by. */ -}}
{{- define "reelkeeper.selector" -}}
app.kubernetes.io/name: reelkeeper
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- /* What a container must not be able to do. */ -}}
{{- define "reelkeeper.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}
