// One text field of a multipart/form-data body (RFC 7578), for the providers that put their JSON into one.
const boundaryOf = /^multipart\/form-data\s*;(?:[^;]*;)*?\s*boundary=(?:"([^"]{1,70})"|([^\s";,]{1,70}))/i;
const isFormData = /^content-disposition:\s*form-data;/im;
const partsMax = 16;

/** Undefined when the body has no such field. */
export function multipartField(
  name: string,
  { contentType, text }: { contentType: string | undefined; text: string | undefined },
): string | undefined {
  const [, quoted, bare] = boundaryOf.exec(contentType ?? '') ?? [];
  const boundary = quoted ?? bare;
  if (boundary === undefined || text === undefined) return undefined;
  for (const part of `\r\n${text}`.split(`\r\n--${boundary}`, partsMax).slice(1)) {
    const end = part.indexOf('\r\n\r\n');
    const head = end < 0 ? '' : part.slice(0, end);
    if (isFormData.test(head) && head.includes(` name="${name}"`)) {
      return part.slice(end + '\r\n\r\n'.length);
    }
  }
  return undefined;
}
