using System.Text;

namespace Tuna.Benchmarks.Steps;

/// <summary>Two small line charts side by side; both axes logarithmic, so that a straight line of slope one is linear growth.</summary>
internal sealed class SvgPlot(int width, int height)
{
    private static readonly string[] Colors = ["#1f6feb", "#bc4c00", "#2da44e"];

    private readonly StringBuilder _body = new();

    /// <summary>Adds a chart.</summary>
    public void Panel(int column, string title, IEnumerable<(string Name, (double X, double Y)[] Points)> series)
    {
        const double Left = 52, Right = 12, Top = 28, Bottom = 40;
        (string Name, (double X, double Y)[] Points)[] all = [.. series];
        double[] xs = [.. all.SelectMany(s => s.Points).Select(p => p.X).Distinct().Order()];
        double[] ys = [.. all.SelectMany(s => s.Points).Select(p => p.Y)];
        double panel = width / 2.0, x0 = (column * panel) + Left, x1 = ((column + 1) * panel) - Right, y0 = height - Bottom, y1 = Top;
        double minY = ys.Min() / 1.3, maxY = ys.Max() * 1.3;
        double X(double v) => x0 + ((x1 - x0) * (xs.Length == 1 ? 0.5 : Math.Log(v / xs[0]) / Math.Log(xs[^1] / xs[0])));
        double Y(double v) => y0 + ((y1 - y0) * Math.Log(v / minY) / Math.Log(maxY / minY));

        Text(x0, 16, "start", title, 12);
        _body.Append($"<path d='M{x0:0.#} {y1:0.#}V{y0:0.#}H{x1:0.#}' fill='none' stroke='#888'/>\n");
        foreach (double x in xs)
            Text(X(x), y0 + 14, x == xs[^1] && xs.Length > 1 ? "end" : "middle", $"{x:0.###}", 10);
        foreach (double y in Ticks(minY, maxY))
        {
            _body.Append($"<path d='M{x0:0.#} {Y(y):0.#}H{x1:0.#}' stroke='#ddd'/>\n");
            Text(x0 - 4, Y(y) + 3, "end", $"{y:0.###}", 10);
        }

        for (int i = 0; i < all.Length; i++)
        {
            string points = string.Join(' ', all[i].Points.OrderBy(p => p.X).Select(p => $"{X(p.X):0.#},{Y(p.Y):0.#}"));
            _body.Append($"<polyline points='{points}' fill='none' stroke='{Colors[i % Colors.Length]}' stroke-width='2'/>\n");
            foreach ((double x, double y) in all[i].Points)
                _body.Append($"<circle cx='{X(x):0.#}' cy='{Y(y):0.#}' r='3' fill='{Colors[i % Colors.Length]}'/>\n");
            if (column > 0)
                continue; // one legend for both
            _body.Append($"<rect x='{x0 + (i * 150):0.#}' y='{height - 14}' width='10' height='3' fill='{Colors[i % Colors.Length]}'/>\n");
            Text(x0 + 14 + (i * 150), height - 9, "start", all[i].Name, 10);
        }
    }

    public override string ToString() =>
        $"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' viewBox='0 0 {width} {height}' "
            + $"font-family='sans-serif'>\n<rect width='100%' height='100%' fill='white'/>\n{_body}</svg>\n";

    private void Text(double x, double y, string anchor, string text, int size) =>
        _body.Append(
            $"<text x='{x:0.#}' y='{y:0.#}' font-size='{size}' text-anchor='{anchor}' "
            + $"fill='#333'>{System.Security.SecurityElement.Escape(text)}</text>\n");

    /// <summary>1, 2 and 5 times the powers of ten in a range.</summary>
    private static IEnumerable<double> Ticks(double min, double max)
    {
        for (double power = Math.Pow(10, Math.Floor(Math.Log10(min))); power <= max; power *= 10)
        {
            foreach (double step in (double[])[1, 2, 5])
            {
                if (step * power >= min && step * power <= max)
                    yield return step * power;
            }
        }
    }
}
