using System.CommandLine;
using System.Text.Json.Nodes;

namespace Tuna.Benchmarks.Steps;

/// <summary>Turns the lines of <see cref="GrowCommand"/> into a markdown table and one picture per axis.</summary>
internal static class PlotCommand
{
    public static Command Create()
    {
        var input = new Argument<FileInfo>("lines") { Description = "file of JSON lines that grow printed" };
        var output = new Option<DirectoryInfo>("--out")
        {
            Description = "folder for grow-AXIS.svg and grow.md",
            DefaultValueFactory = _ => new DirectoryInfo("docs/performance"),
        };
        var command = new Command("plot", "Draws what grow measured: a table and an SVG per axis.") { input, output };
        command.SetAction(r =>
        {
            string folder = r.GetValue(output)!.FullName;
            Directory.CreateDirectory(folder);
            JsonObject[] lines = [.. File.ReadLines(r.GetValue(input)!.FullName).Where(l => l.StartsWith('{'))
                .Select(l => JsonNode.Parse(l)!.AsObject())];
            using var tables = new StreamWriter(Path.Combine(folder, "grow.md")) { NewLine = "\n" };
            tables.Write("# How a step's cost grows\n\n");
            foreach (IGrouping<string, JsonObject> axis in lines.Where(l => l.ContainsKey("axis")).GroupBy(l => (string)l["axis"]!))
            {
                Table(tables, axis.Key, [.. axis]);
                File.WriteAllText(Path.Combine(folder, $"grow-{axis.Key}.svg"), Picture(axis.Key, [.. axis]));
            }
        });
        return command;
    }

    // A row per value: each way's time and memory, those of the other ways as multiples of the shared prompt's.
    private static void Table(StreamWriter tables, string axis, JsonObject[] points)
    {
        string[] others = [.. points.Select(Way).Distinct().Where(w => w != GrowCommand.Shared)];
        tables.Write($"## {axis}\n\n![{axis}](grow-{axis}.svg)\n\n| {axis} | step, s | of the first |");
        tables.Write(string.Concat(others.Select(w => $" {w}, s | ratio |")) + " peak, MiB | of the first |"
            + string.Concat(others.Select(w => $" {w}, MiB | ratio |")) + "\n|---|---|---|---|---|");
        tables.WriteLine(string.Concat(Enumerable.Repeat("---|", 4 * others.Length)));
        JsonObject? first = null;
        foreach (IGrouping<int, JsonObject> point in points.GroupBy(p => (int)p["value"]!))
        {
            JsonObject ours = point.Single(p => Way(p) == GrowCommand.Shared);
            first ??= ours;
            tables.Write($"| {point.Key}");
            Columns("step_s", "0.000");
            Columns("peak_rss_mib", "0");
            tables.WriteLine(" |");

            void Columns(string field, string format)
            {
                double own = Number(ours, field);
                tables.Write($" | {own.ToString(format)} | {own / Number(first, field):0.0}");
                foreach (string way in others)
                {
                    JsonObject? other = point.SingleOrDefault(p => Way(p) == way);
                    tables.Write(other is null
                        ? " | - | -" : $" | {Number(other, field).ToString(format)} | {Number(other, field) / own:0.0}");
                }
            }
        }

        tables.WriteLine();
    }

    private static string Picture(string axis, JsonObject[] points)
    {
        var svg = new SvgPlot(720, 270);
        svg.Panel(0, $"step, seconds, by {axis}", Series("step_s"));
        svg.Panel(1, $"peak memory, MiB, by {axis}", Series("peak_rss_mib"));
        return svg.ToString();

        IEnumerable<(string Name, (double X, double Y)[] Points)> Series(string field) =>
            from g in points.GroupBy(Way)
            select (g.Key, g.Select(p => (Number(p, "value"), Number(p, field))).ToArray());
    }

    private static string Way(JsonObject point) => (string)point["way"]!;

    private static double Number(JsonObject point, string field) => (double)point[field]!;
}
