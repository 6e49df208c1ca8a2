-- The network that a triple means, or that a model is: rows and a picture.

CREATE FUNCTION cerebro.graph(mst cerebro.mst, task text DEFAULT NULL)
	RETURNS TABLE (node integer, inputs integer[], operator text, path text, detail text,
		shape text, parameters bigint, formula text, tensors text[])
	LANGUAGE c STABLE PARALLEL UNSAFE COST 1000000 ROWS 20
	AS 'MODULE_PATHNAME', 'cerebro_graph_mst';
COMMENT ON FUNCTION cerebro.graph(cerebro.mst, text) IS
	'the network of a triple, a row for each input and each layer: which nodes it takes, where it stands in the triple, what it makes of a row, how many weights it has; over a task''s training rows as they are now, or, without a task, in terms of f features and c classes';

CREATE FUNCTION cerebro.graph(model integer)
	RETURNS TABLE (node integer, inputs integer[], operator text, path text, detail text,
		shape text, parameters bigint, formula text, tensors text[])
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000 ROWS 20
	AS 'MODULE_PATHNAME', 'cerebro_graph_model';
COMMENT ON FUNCTION cerebro.graph(integer) IS
	'the network of a model, a row for each input and each layer; tensors are names for cerebro.tensor';

CREATE FUNCTION cerebro.graph_svg(mst cerebro.mst, task text DEFAULT NULL) RETURNS text
	LANGUAGE c STABLE PARALLEL UNSAFE COST 1000000
	AS 'MODULE_PATHNAME', 'cerebro_graph_svg_mst';
COMMENT ON FUNCTION cerebro.graph_svg(cerebro.mst, text) IS 'the network of a triple as a picture, an SVG document';

CREATE FUNCTION cerebro.graph_svg(model integer) RETURNS text
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000
	AS 'MODULE_PATHNAME', 'cerebro_graph_svg_model';
COMMENT ON FUNCTION cerebro.graph_svg(integer) IS 'the network of a model as a picture, an SVG document';

-- A literal alone is a triple, not the number of a model.
CREATE FUNCTION cerebro.graph(mst text, task text DEFAULT NULL)
	RETURNS TABLE (node integer, inputs integer[], operator text, path text, detail text,
		shape text, parameters bigint, formula text, tensors text[])
	LANGUAGE sql STABLE PARALLEL UNSAFE ROWS 20
	BEGIN ATOMIC
		SELECT * FROM cerebro.graph(graph.mst::cerebro.mst, graph.task);
	END;
COMMENT ON FUNCTION cerebro.graph(text, text) IS 'the same of a triple that is given as text';
CREATE FUNCTION cerebro.graph_svg(mst text, task text DEFAULT NULL) RETURNS text
	LANGUAGE sql STABLE PARALLEL UNSAFE
	RETURN cerebro.graph_svg(graph_svg.mst::cerebro.mst, graph_svg.task);
COMMENT ON FUNCTION cerebro.graph_svg(text, text) IS 'the same of a triple that is given as text';
