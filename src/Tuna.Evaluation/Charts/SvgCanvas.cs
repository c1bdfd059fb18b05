using System.Globalization;
using System.Text;

namespace Tuna.Evaluation.Charts;

/// <summary>Writes SVG elements; numbers with one decimal, texts escaped.</summary>
internal sealed class SvgCanvas
{
    private readonly StringBuilder _svg = new();

    public SvgCanvas(int width, int height, string title)
    {
        _svg.Append(CultureInfo.InvariantCulture,
            $"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" "
            + $"role=\"img\" font-family=\"system-ui, 'Segoe UI', Helvetica, Arial, sans-serif\">\n");
        if (title.Length > 0)
            _svg.Append("<title>").Append(Escape(title)).Append("</title>\n");
        Rectangle(0, 0, width, height, "#ffffff");
    }

    /// <summary>Width of a text, near enough to place things by it.</summary>
    public static double TextWidth(string text, double size)
    {
        double width = 0;
        foreach (char c in text)
            width += c is 'i' or 'l' or 'j' or 't' or 'f' or '.' or ',' or ' ' or '\'' or '|'
                ? 0.34 : c is 'm' or 'w' or 'M' or 'W' ? 0.9 : c > '\u2E7F' ? 1 : char.IsUpper(c) ? 0.72 : 0.61;
        return width * size;
    }

    public void Line(double x1, double y1, double x2, double y2, string color, double width = 1) =>
        _svg.Append(CultureInfo.InvariantCulture,
        $"<line x1=\"{x1:0.#}\" y1=\"{y1:0.#}\" x2=\"{x2:0.#}\" y2=\"{y2:0.#}\" stroke=\"{color}\" stroke-width=\"{width:0.#}\"/>\n");

    public void Rectangle(double x, double y, double width, double height, string color, double opacity = 1, string? tip = null)
    {
        _svg.Append(CultureInfo.InvariantCulture,
            $"<rect x=\"{x:0.#}\" y=\"{y:0.#}\" width=\"{width:0.#}\" height=\"{height:0.#}\" fill=\"{color}\"");
        if (opacity < 1)
            _svg.Append(CultureInfo.InvariantCulture, $" fill-opacity=\"{opacity:0.##}\"");
        _svg.Append(tip is null ? "/>\n" : $"><title>{Escape(tip)}</title></rect>\n");
    }

    public void Circle(double x, double y, double radius, string color, double opacity = 1) => _svg.Append(CultureInfo.InvariantCulture,
        $"<circle cx=\"{x:0.#}\" cy=\"{y:0.#}\" r=\"{radius:0.#}\" fill=\"{color}\" fill-opacity=\"{opacity:0.##}\"/>\n");

    public void Polyline(IEnumerable<(double X, double Y)> points, string color)
    {
        _svg.Append("<polyline fill=\"none\" stroke=\"").Append(color)
            .Append("\" stroke-width=\"1.8\" stroke-linejoin=\"round\" points=\"");
        string separator = "";
        foreach ((double x, double y) in points)
        {
            _svg.Append(separator).Append(CultureInfo.InvariantCulture, $"{x:0.#},{y:0.#}");
            separator = " ";
        }

        _svg.Append("\"/>\n");
    }

    /// <param name="text">The text.</param>
    /// <param name="x">Where it is anchored.</param>
    /// <param name="y">Its base line.</param>
    /// <param name="size">Height in pixels.</param>
    /// <param name="anchor">start, middle or end.</param>
    /// <param name="color">Its colour.</param>
    /// <param name="angle">Degrees, clockwise, about the anchor.</param>
    /// <param name="bold">Whether it is bold.</param>
    public void Text(string text, double x, double y, double size, string anchor = "start", string color = "#222222", double angle = 0,
        bool bold = false)
    {
        if (text.Length == 0)
            return;
        _svg.Append(CultureInfo.InvariantCulture,
            $"<text x=\"{x:0.#}\" y=\"{y:0.#}\" font-size=\"{size:0.#}\" text-anchor=\"{anchor}\" fill=\"{color}\"");
        if (angle != 0)
            _svg.Append(CultureInfo.InvariantCulture, $" transform=\"rotate({angle:0.#} {x:0.#} {y:0.#})\"");
        if (bold)
            _svg.Append(" font-weight=\"600\"");
        _svg.Append('>').Append(Escape(text)).Append("</text>\n");
    }

    /// <summary>Puts another picture at a place.</summary>
    public void Insert(string svg, double x, double y) =>
        _svg.Append(CultureInfo.InvariantCulture, $"<svg x=\"{x:0.#}\" y=\"{y:0.#}\"").Append(svg.AsSpan("<svg".Length));

    public string Finish() => _svg.Append("</svg>\n").ToString();

    // XML admits no control characters but these three, escaped or not; nor half a surrogate pair.
    private static string Escape(string text)
    {
        var escaped = new StringBuilder(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            bool pair = char.IsHighSurrogate(c) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]);
            if (pair)
                escaped.Append(c).Append(text[++i]);
            else if ((c < ' ' && c is not ('\t' or '\n' or '\r')) || char.IsSurrogate(c) || c >= '\uFFFE')
                escaped.Append('\uFFFD');
            else
                _ = c switch { '<' => escaped.Append("&lt;"), '>' => escaped.Append("&gt;"), '&' => escaped.Append("&amp;"),
                    '"' => escaped.Append("&quot;"), _ => escaped.Append(c) };
        }

        return escaped.ToString();
    }
}
