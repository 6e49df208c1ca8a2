-- Search over triples: patterns, distances, and indexes for both.

SET search_path = public, cerebro;

SELECT mst 'AS mlp(64, 32) PT adam(lr = 0.01)' @> 'AS mlp' AS has_mlp,
       mst 'AS mlp(64, 32) PT adam(lr = 0.01)' @> 'AS mlp(64)' AS one_layer,
       mst 'AS mlp(64, 32) PT adam(lr = 0.01)' @> 'PT adam' AS adam,
       mst 'AS mlp(64, 32) PT adam(lr = 0.01)' @> 'PT batch = 1024' AS by_default,
       mst_pattern 'FE x' <@ 'FE x, y' AS has_x,
       mst 'FE *' @> '' AS anything;
SELECT mst 'AS mlp(64)' <-> 'AS mlp(64)' AS same, mst 'AS mlp(64)' <-> mst 'AS mlp(128)' AS wider,
       mst 'AS mlp(64)' <-> mst 'FE x AS mlp(64) PT sgd' AS other;
SELECT mst 'FE x AS mlp(64) PT sgd' <-> mst_pattern 'AS mlp(64)' AS has,
       mst_pattern 'AS mlp(256)' <-> mst 'FE x AS mlp(64) PT sgd' AS near;
SELECT mst 'AS mlp(64)' <-> NULL::mst IS NULL AS strict;
