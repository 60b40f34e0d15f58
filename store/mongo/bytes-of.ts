import { Binary } from "mongodb";

/** The bytes of a field, as the driver gives them or as they were written. */
export const bytesOf = (field: Uint8Array | Binary): Uint8Array => (field instanceof Binary ? field.value() : field);
