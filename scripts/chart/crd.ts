/** The chart's template of a CustomResourceDefinition: the same manifest, installed and kept as the values say. */
export const crdTemplate = (manifest: string, header: string): string => {
  // Helm would take two braces in a description for its own.
  const text = manifest.trimEnd().replaceAll("{{", '{{ "{{" }}');
  const [head, tail] = text.split(/(?<=^metadata:\n  name: \S+\n)/m);
  if (head === undefined || tail === undefined) throw new Error("a CustomResourceDefinition begins with its name");
  const keep = `(ternary (dict "helm.sh/resource-policy" "keep") (dict) .Values.crds.keep)`;
  return `{{- /* ${header} */}}
{{- if .Values.crds.enabled }}
${head}  {{- include "realtime-operator.metadata" (dict "root" $ "annotations" ${keep}) | nindent 2 }}
${tail}
{{- end }}
`;
};
