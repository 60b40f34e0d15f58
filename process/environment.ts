import { z } from "zod";

/** The environment by `schema`. Throws one Error that names every variable that is wrong. */
export const readEnvironment = <T extends z.ZodType>(schema: T, env: NodeJS.ProcessEnv = process.env): z.infer<T> => {
  const result = schema.safeParse(env);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  throw new Error(`environment: ${problems.join("; ")}`);
};
