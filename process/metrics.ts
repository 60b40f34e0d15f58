import {
  Counter,
  Gauge,
  Histogram,
  type CounterConfiguration,
  type GaugeConfiguration,
  type HistogramConfiguration,
  type Metric,
  type Registry,
} from "prom-client";

type Of<Configuration> = Omit<Configuration, "registers">;

/** The counter of that name in `registry`, made where it is not there yet: what is opened a second time goes on counting. */
export const counter = <L extends string = never>(
  registry: Registry,
  configuration: Of<CounterConfiguration<L>>,
): Counter<L> => {
  const known: Metric<L> | undefined = registry.getSingleMetric(configuration.name);
  return known instanceof Counter ? known : new Counter({ ...configuration, registers: [registry] });
};

/** The gauge of that name in `registry`, made where it is not there yet. */
export const gauge = <L extends string = never>(
  registry: Registry,
  configuration: Of<GaugeConfiguration<L>>,
): Gauge<L> => {
  const known: Metric<L> | undefined = registry.getSingleMetric(configuration.name);
  return known instanceof Gauge ? known : new Gauge({ ...configuration, registers: [registry] });
};

/** The histogram of that name in `registry`, made where it is not there yet. */
export const histogram = <L extends string = never>(
  registry: Registry,
  configuration: Of<HistogramConfiguration<L>>,
): Histogram<L> => {
  const known: Metric<L> | undefined = registry.getSingleMetric(configuration.name);
  return known instanceof Histogram ? known : new Histogram({ ...configuration, registers: [registry] });
};

/** A gauge that asks for its value whenever metrics are asked for; a later one of the same name takes its place. */
export const measured = (registry: Registry, name: string, help: string, value: () => number): void => {
  registry.removeSingleMetric(name);
  const it: Gauge = new Gauge({ name, help, registers: [registry], collect: () => it.set(value()) });
};
