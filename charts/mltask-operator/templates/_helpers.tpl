{{- define "mltask-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /*
The name of every object: the release's name, with the chart's name unless the release is called after it. A Service's name is
the strictest: it begins with a letter and has no dots, which a release's name may.
*/}}
{{- define "mltask-operator.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- $fullname := printf "%s-%s" .Release.Name $name }}
{{- if .Values.fullnameOverride }}
{{- $fullname = .Values.fullnameOverride }}
{{- else if contains $name .Release.Name }}
{{- $fullname = .Release.Name }}
{{- end }}
{{- if not (regexMatch "^[a-z][-a-z0-9]*$" $fullname) }}
{{- fail (printf "%q cannot name the objects: a Service's name begins with a letter and has letters, digits and - alone. Choose another with fullnameOverride" $fullname) }}
{{- end }}
{{- $fullname | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* The same with `suffix`, in the 63 characters that a Service, a Job and an MLTask have for their names. */}}
{{- define "mltask-operator.suffixed" -}}
{{- $fits := include "mltask-operator.fullname" .root | trunc (int (sub 62 (len .suffix))) | trimSuffix "-" }}
{{- printf "%s-%s" $fits .suffix }}
{{- end }}

{{- define "mltask-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "mltask-operator.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.create is false: serviceAccount.name must say which ServiceAccount the operator uses" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "mltask-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "mltask-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "mltask-operator.ownLabels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "mltask-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: operator
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- /* Of every object. What the user adds takes nothing of it away: selectors count on it. */}}
{{- define "mltask-operator.labels" -}}
{{- merge (include "mltask-operator.ownLabels" . | fromYaml) (default dict .Values.commonLabels) | toYaml }}
{{- end }}

{{- /*
Of the Pod of a hook, which `component` names: labels by which neither the Service nor the PodDisruptionBudget takes it for one
of the operator's.
*/}}
{{- define "mltask-operator.hookPodSelector" -}}
app.kubernetes.io/component: {{ .component }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end }}

{{- define "mltask-operator.hookPodLabels" -}}
{{- $own := include "mltask-operator.hookPodSelector" . | fromYaml }}
{{- omit (merge $own (default dict .root.Values.podLabels) (default dict .root.Values.commonLabels)) "app.kubernetes.io/name" | toYaml }}
{{- end }}

{{- /* Of the objects of the hook `event`: they are made before it and are gone after it, the Pod's log is shown. */}}
{{- define "mltask-operator.hookMetadata" -}}
labels:
  {{- include "mltask-operator.labels" .root | nindent 2 }}
annotations:
  helm.sh/hook: {{ .event }}
  helm.sh/hook-weight: {{ .weight | quote }}
  helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
  helm.sh/hook-output-log-policy: hook-succeeded,hook-failed
{{- end }}

{{- define "mltask-operator.image" -}}
{{- with .Values.image }}
{{- if .digest }}
{{- printf "%s@%s" .repository .digest }}
{{- else }}
{{- printf "%s:%s" .repository (default $.Chart.AppVersion .tag) }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Replicas on different nodes, where there are several. */}}
{{- define "mltask-operator.spread" -}}
- maxSkew: 1
  topologyKey: kubernetes.io/hostname
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "mltask-operator.selectorLabels" . | nindent 6 }}
{{- end }}

{{- /* Creation cannot be limited to a name. */}}
{{- define "mltask-operator.leaseRules" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [{{ include "mltask-operator.fullname" . }}]
  verbs: [get, update]
{{- end }}

{{- /* Of each Pod: where it may run, and as whom. */}}
{{- define "mltask-operator.placement" -}}
securityContext:
  runAsNonRoot: true
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{- /* Of each container. */}}
{{- define "mltask-operator.container" -}}
image: {{ include "mltask-operator.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- with .Values.extraEnv }}
env:
  {{- toYaml . | nindent 2 }}
{{- end }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end }}

{{- /*
A role and its binding to an account of the release: `name` of both, `account`, `rules`, `metadata` (labels and annotations as
YAML), `root`, and the `namespace` that it is for; empty is the whole cluster.
*/}}
{{- define "mltask-operator.grant" -}}
{{- $scope := ternary "Cluster" "" (empty .namespace) }}
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $scope }}Role
metadata:
  name: {{ .name }}
  {{- with .namespace }}
  namespace: {{ . }}
  {{- end }}
  {{- .metadata | nindent 2 }}
rules:
  {{- .rules | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $scope }}RoleBinding
metadata:
  name: {{ .name }}
  {{- with .namespace }}
  namespace: {{ . }}
  {{- end }}
  {{- .metadata | nindent 2 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ $scope }}Role
  name: {{ .name }}
subjects:
  - kind: ServiceAccount
    name: {{ .account }}
    namespace: {{ .root.Release.Namespace }}
{{- end }}
