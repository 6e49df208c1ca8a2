/*
 * export/svg.c
 *	  An outline as a picture.
 *
 *	 +--------------------------------------+
 *	 | dest embed 8 | hour robust 1 | ...   |	the inputs, on one panel
 *	 +--------------------------------------+
 *			 |						|
 *	 +---------------+		+---------------+
 *	 | dense		 |		| wide			|	a box for each layer
 *	 | relu		 64	 |		|			 2	|
 *	 +---------------+		+---------------+
 *
 * Names come from columns of people's: what would end a text in SVG is written
 * otherwise, what SVG cannot say is left out.
 */
#include "cerebro.h"

#include "base/text.h"
#include "export/layout.h"
#include "lang/writer.h"

#include <stdio.h>
#include <string.h>

#define MARGIN      28.0
#define HEAD        64.0 /* title and counts */
#define BOX_WIDTH   214.0
#define BOX_HEIGHT  58.0
#define RANK_HEIGHT 100.0
#define CHIP_HEIGHT 24.0
#define CHIP_GAP    7.0
#define PANEL_WIDTH 690.0 /* at most */
#define PANEL_PAD   14.0
#define PANEL_HEAD  30.0
#define MAX_CHIPS   120
#define CHAR_WIDTH  6.3 /* of 11 px text */

#define TITLE_WIDTH 11.4 /* of a character of the title, at most on average */
#define TITLE_LINE  21.0
#define MAX_LINES   4 /* of the title */

#define MAX_NAME  26 /* characters of a chip */
#define MAX_TITLE 90
#define MAX_LINE  32 /* of a box */

typedef struct color
{
	const char *operation; /* what begins so */
	const char *fill;
	const char *line;
} color;

/* The first that fits; the last fits all. */
static const color colors[] = {
	{"dense", "#e8edff", "#4c63d2"},     {"output", "#e8edff", "#4c63d2"},
	{"wide", "#e8edff", "#4c63d2"},      {"conv", "#e8edff", "#4c63d2"},
	{"gru", "#e8edff", "#4c63d2"},       {"tokens", "#f3e9ff", "#8a4fd0"},
	{"attention", "#f3e9ff", "#8a4fd0"}, {"fm", "#f3e9ff", "#8a4fd0"},
	{"pool", "#f3e9ff", "#8a4fd0"},      {"cross", "#f3e9ff", "#8a4fd0"},
	{"gate", "#f3e9ff", "#8a4fd0"},      {"norm", "#e2f5f1", "#1d8f78"},
	{"scale", "#e2f5f1", "#1d8f78"},     {"skip", "#fff3dc", "#c98514"},
	{"sum", "#fff3dc", "#c98514"},       {"concat", "#fff3dc", "#c98514"},
	{"softmax", "#e3f6e5", "#2f8f46"},   {"", "#eef1f5", "#66758a"},
};

static const color chip_number = {"", "#ffffff", "#66758a"};
static const color chip_table = {"", "#fff7e8", "#c98514"};

static const char style[] =
	"<style>text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,"
	"'DejaVu Sans',sans-serif;fill:#1e2733}.t{font-size:17px;font-weight:600}"
	".s{font-size:12px;fill:#66758a}.o{font-size:14px;font-weight:600}"
	".d{font-size:11px;fill:#4a5767}.p{font-size:10px;fill:#8793a3}"
	".n{font-size:12px;font-weight:600}.c{font-size:11px}"
	".e{fill:none;stroke:#9aa7b8;stroke-width:1.5}</style>";

typedef struct drawing
{
	const cer_outline *outline;
	cer_writer to;
	cer_text title;
	size_t title_width; /* characters of a line */
	double head;        /* height of the title, with the counts below it */
	size_t n_inputs;
	double panel_width;
	double panel_height;
	double left; /* of the layout */
	cer_layout layout;
	size_t *boxes; /* of outline's nodes after the inputs; box 0: the panel */
} drawing;

/* ------------------------------------------------------------ text */

static void
put_byte(cer_writer *to, char byte)
{
	cer_writer_add(to, (cer_text){&byte, 1});
}

/* At most so many characters. */
static void
put_text(cer_writer *to, cer_text text, size_t limit)
{
	size_t n = 0;

	for (size_t i = 0; i < text.size;)
	{
		size_t size = cer_utf8_measure(text.data + i, text.size - i);
		unsigned char byte = (unsigned char) text.data[i];

		if (++n > limit)
		{
			cer_writer_put(to, "\xe2\x80\xa6");
			return;
		}
		if (byte == '<')
			cer_writer_put(to, "&lt;");
		else if (byte == '>')
			cer_writer_put(to, "&gt;");
		else if (byte == '&')
			cer_writer_put(to, "&amp;");
		else if (byte < ' ' || byte == 0x7f || size == 0)
			put_byte(to, ' ');
		else
			cer_writer_add(to, (cer_text){text.data + i, size});
		i += size > 0 ? size : 1;
	}
}

static size_t
count_characters(cer_text text, size_t limit)
{
	size_t n = 0;

	for (size_t i = 0; i < text.size && n <= limit; n++)
	{
		size_t size = cer_utf8_measure(text.data + i, text.size - i);

		i += size > 0 ? size : 1;
	}
	return n;
}

/* 1,234,567 */
static void
put_count(cer_writer *to, uint64_t n)
{
	char digits[32];
	int size = snprintf(digits, sizeof(digits), "%llu", (unsigned long long) n);

	for (int i = 0; i < size; i++)
	{
		if (i > 0 && (size - i) % 3 == 0)
			put_byte(to, ',');
		put_byte(to, digits[i]);
	}
}

static void
begin_text(cer_writer *to, const char *kind, double x, double y, bool is_end)
{
	cer_writer_format(to, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\"%s>", kind,
	                  x, y, is_end ? " text-anchor=\"end\"" : "");
}

/* ------------------------------------------------------------ panel */

static double
measure_chip(const cer_outline_node *node)
{
	size_t name = count_characters(node->path, MAX_NAME + 3);

	name = name > 3 ? name - 3 : 0; /* FE. */
	return CHAR_WIDTH *
	           (double) (name + node->operation.size + node->shape.size + 3) +
	       18.0;
}

static void
draw_chip(cer_writer *to, const cer_outline_node *node, double x, double y)
{
	bool is_table = node->detail.size > 0 && node->detail.data[0] >= '0' &&
	                node->detail.data[0] <= '9';
	const color *paint = is_table ? &chip_table : &chip_number;
	cer_text name = node->path;

	if (name.size > 3)
		name = (cer_text){name.data + 3, name.size - 3};
	cer_writer_format(to,
	                  "<g><rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
	                  "height=\"%.0f\" rx=\"12\" fill=\"%s\" stroke=\"%s\" "
	                  "stroke-opacity=\".55\"/>",
	                  x, y, measure_chip(node), CHIP_HEIGHT, paint->fill,
	                  paint->line);
	begin_text(to, "c", x + 10.0, y + 16.0, false);
	put_text(to, name, MAX_NAME);
	cer_writer_put(to, " <tspan class=\"p\">");
	put_text(to, node->operation, MAX_NAME);
	cer_writer_put(to, " ");
	put_text(to, node->shape, MAX_NAME);
	cer_writer_put(to, "</tspan></text><title>");
	put_text(to, node->path, MAX_TITLE);
	if (node->detail.size > 0)
		cer_writer_put(to, ": ");
	put_text(to, node->detail, MAX_TITLE);
	cer_writer_put(to, "</title></g>");
}

/* The chips from line to line; drawn only if asked. */
static void
set_chips(drawing *d, double left, double top, bool is_drawn)
{
	double width = 0.0;
	double x = PANEL_PAD;
	double y = PANEL_HEAD;

	for (size_t i = 0; i < d->n_inputs && i < MAX_CHIPS; i++)
	{
		const cer_outline_node *node = &d->outline->nodes[i];
		double chip = measure_chip(node);

		if (x > PANEL_PAD && x + chip + PANEL_PAD > PANEL_WIDTH)
		{
			x = PANEL_PAD;
			y += CHIP_HEIGHT + CHIP_GAP;
		}
		if (is_drawn)
			draw_chip(&d->to, node, left + x, top + y);
		x += chip + CHIP_GAP;
		width = x > width ? x : width;
	}
	d->panel_width = width - CHIP_GAP + PANEL_PAD;
	d->panel_height = y + CHIP_HEIGHT + PANEL_PAD;
	if (d->panel_width < BOX_WIDTH)
		d->panel_width = BOX_WIDTH;
}

static void
draw_panel(drawing *d)
{
	double left = d->left + d->layout.nodes[0].x - d->panel_width / 2.0;
	double top = MARGIN + d->head;

	cer_writer_format(&d->to,
	                  "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
	                  "height=\"%.1f\" rx=\"14\" fill=\"#f6f8fb\" "
	                  "stroke=\"#ccd5e0\"/>",
	                  left, top, d->panel_width, d->panel_height);
	begin_text(&d->to, "n", left + PANEL_PAD, top + 20.0, false);
	if (d->outline->is_open)
		cer_writer_put(&d->to, "inputs");
	else
		cer_writer_format(&d->to, "%zu input%s", d->n_inputs,
		                  d->n_inputs == 1 ? "" : "s");
	if (d->n_inputs > MAX_CHIPS)
		cer_writer_format(&d->to, ", %d of them shown", MAX_CHIPS);
	cer_writer_put(&d->to, "</text>");
	set_chips(d, left, top, true);
}

/* ------------------------------------------------------------ boxes */

static double
get_top(const drawing *d, size_t box)
{
	size_t rank = d->layout.nodes[box].rank;

	if (rank == 0)
		return MARGIN + d->head;
	return MARGIN + d->head + d->panel_height + RANK_HEIGHT - BOX_HEIGHT +
	       RANK_HEIGHT * (double) (rank - 1);
}

static double
get_bottom(const drawing *d, size_t box)
{
	return get_top(d, box) + (box == 0 ? d->panel_height : BOX_HEIGHT);
}

static const color *
find_color(cer_text operation)
{
	const color *found = colors;

	while (operation.size < strlen(found->operation) ||
	       memcmp(operation.data, found->operation, strlen(found->operation)) !=
	           0)
		found++;
	return found;
}

static void
put_parameters(cer_writer *to, const cer_outline_node *node)
{
	if (node->is_open)
		put_text(to, node->formula, MAX_LINE);
	else if (node->n_parameters > 0)
		put_count(to, node->n_parameters);
	else
		return;
	cer_writer_put(to, " weights");
}

static void
draw_box(drawing *d, size_t box, const cer_outline_node *node)
{
	const color *paint = find_color(node->operation);
	double x = d->left + d->layout.nodes[box].x - BOX_WIDTH / 2.0;
	double y = get_top(d, box);
	double right = x + BOX_WIDTH - 12.0;
	cer_writer *to = &d->to;

	cer_writer_format(to,
	                  "<g><rect x=\"%.1f\" y=\"%.1f\" width=\"%.0f\" "
	                  "height=\"%.0f\" rx=\"9\" fill=\"%s\" stroke=\"%s\" "
	                  "stroke-opacity=\".6\"/><rect x=\"%.1f\" y=\"%.1f\" "
	                  "width=\"4\" height=\"%.0f\" rx=\"2\" fill=\"%s\"/>",
	                  x, y, BOX_WIDTH, BOX_HEIGHT, paint->fill, paint->line,
	                  x + 4.0, y + 9.0, BOX_HEIGHT - 18.0, paint->line);
	begin_text(to, "o", x + 18.0, y + 22.0, false);
	put_text(to, node->operation, MAX_LINE);
	cer_writer_put(to, "</text>");
	begin_text(to, "n", right, y + 22.0, true);
	put_text(to, node->shape, MAX_LINE);
	cer_writer_put(to, "</text>");
	begin_text(to, "d", x + 18.0, y + 37.0, false);
	put_text(to, node->detail, MAX_LINE);
	cer_writer_put(to, "</text>");
	begin_text(to, "p", x + 18.0, y + 51.0, false);
	put_parameters(to, node);
	cer_writer_put(to, "</text><title>");
	put_text(to, node->path.size > 0 ? node->path : node->operation, MAX_TITLE);
	cer_writer_put(to, "</title></g>");
}

/* ------------------------------------------------------------ lines */

static void
draw_curve(cer_writer *to, double x1, double y1, double x2, double y2)
{
	double middle = (y1 + y2) / 2.0;

	cer_writer_format(to, " C%.1f %.1f %.1f %.1f %.1f %.1f", x1, middle, x2,
	                  middle, x2, y2);
}

static void
draw_link(drawing *d, const cer_layout_link *link)
{
	double x = d->left + d->layout.nodes[link->from].x;
	double y = get_bottom(d, link->from);
	double to_x = d->left + d->layout.nodes[link->to].x;

	/* the panel is broad: lines leave it where they go to */
	if (link->from == 0 && d->n_inputs > 0)
	{
		double next =
			d->left + (link->n_bends > 0 ? d->layout.nodes[link->first_bend].x
		                                 : d->layout.nodes[link->to].x);
		double reach = d->panel_width / 2.0 - 20.0;

		x = next < x - reach ? x - reach : next > x + reach ? x + reach : next;
	}
	cer_writer_format(&d->to,
	                  "<path class=\"e\" marker-end=\"url(#a)\" "
	                  "d=\"M%.1f %.1f",
	                  x, y);
	for (size_t i = 0; i < link->n_bends; i++)
	{
		size_t bend = link->first_bend + i;
		double bend_x = d->left + d->layout.nodes[bend].x;

		draw_curve(&d->to, x, y, bend_x, get_top(d, bend));
		x = bend_x;
		y = get_top(d, bend) + BOX_HEIGHT;
		cer_writer_format(&d->to, " L%.1f %.1f", x, y);
	}
	draw_curve(&d->to, x, y, to_x, get_top(d, link->to) - 5.0);
	cer_writer_put(&d->to, "\"/>");
}

/* ------------------------------------------------------------ all of it */

static size_t
count_inputs(const cer_outline *outline)
{
	size_t n = 0;

	while (n < outline->n_nodes && outline->nodes[n].is_input)
		n++;
	return n;
}

/* Lines of a node to the panel are one. */
static size_t
add_links(drawing *d, size_t node, cer_layout_link *links, size_t n)
{
	const cer_outline_node *at = &d->outline->nodes[node];
	size_t box = node - d->n_inputs + 1;
	bool has_panel = false;

	for (size_t i = 0; i < at->n_inputs; i++)
	{
		bool is_input = at->inputs[i] < d->n_inputs;

		if (is_input && has_panel)
			continue;
		has_panel |= is_input;
		links[n++] = (cer_layout_link){
			.from = is_input ? 0 : at->inputs[i] - d->n_inputs + 1, .to = box};
	}
	return n;
}

static cer_status
make_layout(cer_arena *arena, drawing *d, cer_error *err)
{
	const cer_outline *outline = d->outline;
	size_t n_boxes = outline->n_nodes - d->n_inputs + 1;
	size_t n_links = 0;
	cer_layout_node *nodes =
		cer_arena_allocate(arena, n_boxes * sizeof(*nodes));

	for (size_t i = 0; i < outline->n_nodes; i++)
		n_links += outline->nodes[i].n_inputs;
	d->layout = (cer_layout){.n_boxes = n_boxes, .nodes = nodes};
	d->layout.links =
		cer_arena_allocate(arena, n_links * sizeof(cer_layout_link));
	if (nodes == NULL || d->layout.links == NULL)
		return cer_fail_memory(err, n_links * sizeof(cer_layout_link));
	memset(nodes, 0, n_boxes * sizeof(*nodes));
	for (size_t i = 0; i < n_boxes; i++)
		nodes[i].half = (i == 0 ? d->panel_width : BOX_WIDTH) / 2.0;
	for (size_t i = d->n_inputs; i < outline->n_nodes; i++)
		d->layout.n_links = add_links(d, i, d->layout.links, d->layout.n_links);
	return cer_layout_make(arena, &d->layout, err);
}

/* What of the text stands on the next line: whole words, if one fits. */
static cer_text
take_line(cer_text *rest, size_t width)
{
	size_t end = 0;
	size_t blank = 0; /* the last one before the end */
	cer_text line;

	for (size_t n = 0; end < rest->size && n < width; n++)
	{
		size_t size = cer_utf8_measure(rest->data + end, rest->size - end);

		if (rest->data[end] == ' ')
			blank = end;
		end += size > 0 ? size : 1;
	}
	if (end < rest->size && rest->data[end] != ' ' && blank > 0)
		end = blank;
	line = (cer_text){rest->data, end};
	while (end < rest->size && rest->data[end] == ' ')
		end++;
	*rest = (cer_text){rest->data + end, rest->size - end};
	return line;
}

/* Only measured where to is NULL; the last line has what is left, cut off. */
static size_t
set_title(const drawing *d, cer_writer *to)
{
	cer_text rest = d->title;
	size_t n = 0;

	do
	{
		bool is_last = n + 1 == MAX_LINES;
		cer_text line = is_last ? rest : take_line(&rest, d->title_width);

		if (to != NULL)
		{
			begin_text(to, "t", MARGIN, MARGIN + 16.0 + TITLE_LINE * (double) n,
			           false);
			put_text(to, line, d->title_width);
			cer_writer_put(to, "</text>");
		}
		n++;
		if (is_last)
			break;
	} while (rest.size > 0);
	return n;
}

static void
draw_head(drawing *d, double width, double height)
{
	size_t n_layers = d->outline->n_nodes - d->n_inputs;
	cer_writer *to = &d->to;

	cer_writer_format(to,
	                  "<svg xmlns=\"http://www.w3.org/2000/svg\" "
	                  "width=\"%.0f\" height=\"%.0f\" "
	                  "viewBox=\"0 0 %.0f %.0f\">",
	                  width, height, width, height);
	cer_writer_put(to, style);
	cer_writer_put(to,
	               "<defs><marker id=\"a\" viewBox=\"0 0 8 8\" refX=\"4\" "
	               "refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" "
	               "orient=\"auto\" markerUnits=\"userSpaceOnUse\"><path "
	               "d=\"M0 0L8 4L0 8z\" fill=\"#9aa7b8\"/></marker></defs>"
	               "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>");
	(void) set_title(d, to);
	begin_text(to, "s", MARGIN, MARGIN + d->head - 26.0, false);
	cer_writer_format(to, "%zu operators, ", n_layers);
	if (d->outline->is_open)
		cer_writer_put(to, "over f features, to c classes");
	else
	{
		put_count(to, d->outline->n_parameters);
		cer_writer_put(to, " weights");
	}
	cer_writer_put(to, "</text>");
}

cer_status
cer_outline_draw(cer_arena *arena, const cer_outline *outline, cer_text title,
                 cer_text *svg, cer_error *err)
{
	drawing d = {.outline = outline,
	             .to = {.arena = arena},
	             .title = title,
	             .n_inputs = count_inputs(outline)};
	double width;
	double height;

	set_chips(&d, 0.0, 0.0, false);
	CER_TRY(make_layout(arena, &d, err));
	width = d.layout.width > 420.0 ? d.layout.width : 420.0;
	d.left = MARGIN + (width - d.layout.width) / 2.0;
	d.title_width = (size_t) (width / TITLE_WIDTH);
	d.head = HEAD + TITLE_LINE * (double) (set_title(&d, NULL) - 1);
	width += 2.0 * MARGIN;
	height = d.head + 2.0 * MARGIN + d.panel_height +
	         RANK_HEIGHT * (double) (d.layout.n_ranks - 1);
	draw_head(&d, width, height);
	for (size_t i = 0; i < d.layout.n_links; i++)
		draw_link(&d, &d.layout.links[i]);
	draw_panel(&d);
	for (size_t i = d.n_inputs; i < outline->n_nodes; i++)
		draw_box(&d, i - d.n_inputs + 1, &outline->nodes[i]);
	cer_writer_put(&d.to, "</svg>\n");
	return cer_writer_finish(&d.to, svg, err);
}
