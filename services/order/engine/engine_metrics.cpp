#include "order/engine/engine_metrics.hpp"

namespace order {

EngineMetrics::EngineMetrics(metrics::Registry& registry)
    : batches_with_lease(registry.counter(
          "doorbuster_sale_batches_total", "Batches by the way they took", {{"way", "lease"}}
      )),
      batches_without_lease(registry.counter(
          "doorbuster_sale_batches_total",
          "Batches by the way they took",
          {{"way", "without_lease"}}
      )),
      batches_forwarded(registry.counter(
          "doorbuster_sale_batches_total", "Batches by the way they took", {{"way", "forwarded"}}
      )),
      batches_fenced(registry.counter(
          "doorbuster_sale_batches_fenced_total", "Batches refused by the fence and sent again"
      )),
      batches_unknown(registry.counter(
          "doorbuster_sale_batches_unknown_total", "Batches whose commit was not seen at first"
      )),
      takes_bought(registry.counter("doorbuster_sale_orders_total", "Orders written by this pod")),
      takes_refused_by_snapshot(registry.counter(
          "doorbuster_sale_snapshot_refusals_total", "Takes refused by an unlocked snapshot"
      )),
      takes_turned_away(registry.counter(
          "doorbuster_sale_turned_away_total", "Takes told busy because the line was too long"
      )),
      batch_takes(registry.histogram(
          "doorbuster_sale_batch_takes", "Takes per batch", {1, 2, 5, 10, 20, 50, 100, 200, 500}
      )),
      batch_seconds(registry.histogram(
          "doorbuster_sale_batch_seconds",
          "Time of one call of the row",
          {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2}
      )) {}

}  // namespace order
