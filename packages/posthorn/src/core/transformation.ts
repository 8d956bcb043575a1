// What a transformation is given, and what may come of it. It is run outside (delivery/transformations/).

export type TransformationLanguage = 'javascript' | 'jsonata';

/** What an endpoint has of it, while it is enabled. */
export interface Transformation {
  code: string;
  language: TransformationLanguage;
  variables: Readonly<Record<string, string>>;
}
