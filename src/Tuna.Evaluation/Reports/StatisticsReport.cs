using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Tuna.Data;
using Tuna.Evaluation.Charts;

namespace Tuna.Evaluation.Reports;

/// <summary><see cref="RankedStatistics"/> for people and scripts: as text, as a picture, and as JSON.</summary>
public static class StatisticsReport
{
    private const int Width = 560, Height = 340;

    /// <summary>The statistics as a few lines and tables of plain text.</summary>
    public static string ToText(this RankedStatistics statistics)
    {
        ArgumentNullException.ThrowIfNull(statistics);
        RankedStatistics s = statistics;
        var text = new StringBuilder();
        Row(text, "rows", s.Rows);
        Row(text, "  ranked (two scores or more)", s.RankedRows);
        Row(text, "  with a reference", s.References);
        Row(text, "  repeated instructions", s.RepeatedInstructions);
        Row(text, "candidates", s.Candidates);
        Row(text, "  without a score", s.MissingScores);
        Row(text, "  empty", s.EmptyCandidates);
        Row(text, "  repeated within a row", s.RepeatedCandidates);
        Row(text, "pairs", s.Pairs);
        Row(text, "  tied", s.TiedPairs);
        text.Append(CultureInfo.InvariantCulture,
            $"{"candidates a row",-30}{string.Join(", ", s.CandidateCounts.Select(c => $"{c.Key} ({c.Value} rows)"))}\n");
        if (s.RankedRows > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"{"length and score (tau-b)",-30}{s.LengthCorrelation,10:F3}\n");
            text.Append(CultureInfo.InvariantCulture, $"{"longest is best",-30}{s.LongestIsBest,10:P1}\n");
        }

        Quantiles(text, "score", s.ScoreSample);
        Quantiles(text, "margin to the next", s.MarginSample);
        Quantiles(text, "best minus worst", s.SpreadSample);
        if (s.MeanLengthByRank.Count > 0)
        {
            text.Append("\nrank   mean length (characters)\n");
            for (int r = 0; r < s.MeanLengthByRank.Count; r++)
                text.Append(CultureInfo.InvariantCulture, $"{r + 1,4}   {s.MeanLengthByRank[r],10:F1}\n");
        }

        if (s.Models.Count > 0)
        {
            int width = Math.Max(8, s.Models.Keys.Max(m => m.Length) + 2);
            text.Append('\n').Append("model".PadRight(width)).Append(" responses  mean score   mean rank        best mean length\n");
            foreach ((string name, ModelStatistics m) in s.Models.OrderByDescending(m => m.Value.MeanScore))
                text.Append(name.PadRight(width))
                    .Append(CultureInfo.InvariantCulture,
                    $"{m.Responses,10}{m.MeanScore,12:G4}{m.MeanRank,12:F2}{m.BestShare,12:P1}{m.MeanLength,12:F1}\n");
        }

        return text.ToString();
    }

    /// <summary>The statistics as a JSON object, for scripts; what is not a number (a mean of nothing) is null.</summary>
    public static string ToJson(this RankedStatistics statistics)
    {
        ArgumentNullException.ThrowIfNull(statistics);
        RankedStatistics s = statistics;
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteNumber("rows"u8, s.Rows);
            json.WriteNumber("ranked_rows"u8, s.RankedRows);
            json.WriteNumber("references"u8, s.References);
            json.WriteNumber("repeated_instructions"u8, s.RepeatedInstructions);
            json.WriteNumber("candidates"u8, s.Candidates);
            json.WriteNumber("missing_scores"u8, s.MissingScores);
            json.WriteNumber("empty_candidates"u8, s.EmptyCandidates);
            json.WriteNumber("repeated_candidates"u8, s.RepeatedCandidates);
            json.WriteNumber("pairs"u8, s.Pairs);
            json.WriteNumber("tied_pairs"u8, s.TiedPairs);
            json.WriteStartObject("rows_by_candidates"u8);
            foreach ((int candidates, long rows) in s.CandidateCounts)
                json.WriteNumber(candidates.ToString(CultureInfo.InvariantCulture), rows);
            json.WriteEndObject();
            json.WriteStartArray("mean_length_by_rank"u8);
            foreach (double length in s.MeanLengthByRank)
                WriteNumber(json, length);
            json.WriteEndArray();
            WriteNumber(json, "length_correlation"u8, s.LengthCorrelation);
            WriteNumber(json, "longest_is_best"u8, s.LongestIsBest);
            json.WriteStartObject("models"u8);
            foreach ((string name, ModelStatistics m) in s.Models)
            {
                json.WriteStartObject(name);
                json.WriteNumber("responses"u8, m.Responses);
                json.WriteNumber("scored"u8, m.Scored);
                WriteNumber(json, "mean_score"u8, m.MeanScore);
                WriteNumber(json, "mean_rank"u8, m.MeanRank);
                WriteNumber(json, "best_share"u8, m.BestShare);
                WriteNumber(json, "mean_length"u8, m.MeanLength);
                json.WriteEndObject();
            }

            json.WriteEndObject();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    /// <summary>The statistics as one self-contained SVG picture: scores, margins, length by rank, duplicates, and the models where they
    /// are known.</summary>
    /// <param name="statistics">The statistics.</param>
    /// <param name="title">Above the charts, the file's name for example.</param>
    public static string ToSvg(this RankedStatistics statistics, string title = "")
    {
        ArgumentNullException.ThrowIfNull(statistics);
        RankedStatistics s = statistics;
        var layout = new ChartLayout { Width = Width, Height = Height };
        string[] ranks = [.. Enumerable.Range(1, s.MeanLengthByRank.Count).Select(r => r.ToString(CultureInfo.InvariantCulture))];
        var charts = new List<string>
        {
            SvgChart.Histogram(layout with { Title = "Scores", XTitle = "score", LogCounts = Skewed(s.ScoreSample) }, Skewed(s.ScoreSample)
                ? 30 : 0, new HistogramSeries("score", s.ScoreSample)),
            SvgChart.Histogram(layout with { Title = "Margins", XTitle = "difference of scores", LogCounts = Skewed(s.MarginSample) }, 30,
                new HistogramSeries("to the next in rank", s.MarginSample), new HistogramSeries("best minus worst", s.SpreadSample)),
            SvgChart.Bar(layout with { Title = "Length by rank", XTitle = "rank, 1 is best", YTitle = "mean length (characters)" }, ranks,
                new BarSeries("length", s.MeanLengthByRank)),
            SvgChart.Bar(layout with { Title = "Candidates a row", XTitle = "candidates", YTitle = "rows" },
                [.. s.CandidateCounts.Keys.Select(k => k.ToString(CultureInfo.InvariantCulture))],
                    new BarSeries("rows", [.. s.CandidateCounts.Values.Select(v => (double)v)])),
        };
        charts.Add(SvgChart.Bar(layout with { Title = "Duplicates, ties and gaps", YTitle = "%" },
            ["repeated instructions", "repeated candidates", "tied pairs", "without a score", "empty"],
            new BarSeries("share", [Percent(s.RepeatedInstructions, s.Rows), Percent(s.RepeatedCandidates, s.Candidates),
                Percent(s.TiedPairs, s.Pairs), Percent(s.MissingScores, s.Candidates), Percent(s.EmptyCandidates, s.Candidates)])));
        if (s.Models.Count > 0)
        {
            (string Name, ModelStatistics Model)[] models =
                [.. s.Models.OrderByDescending(m => m.Value.MeanScore).Select(m => (m.Key, m.Value))];
            string[] names = [.. models.Select(m => m.Name)];
            charts.Add(SvgChart.Bar(layout with { Title = "Mean score by model", YTitle = "score" }, names,
                new BarSeries("score", [.. models.Select(m => m.Model.MeanScore)])));
            charts.Add(SvgChart.Bar(layout with { Title = "Mean length by model", YTitle = "length (characters)" }, names,
                new BarSeries("length", [.. models.Select(m => m.Model.MeanLength)])));
        }

        return SvgChart.Grid(charts, 2, Width, Height, title);
    }

    private static double Percent(long part, long whole) => whole == 0 ? 0 : 100.0 * part / whole;

    private static void WriteNumber(Utf8JsonWriter json, ReadOnlySpan<byte> name, double value)
    {
        json.WritePropertyName(name);
        WriteNumber(json, value);
    }

    // JSON has no NaN: what cannot be computed is null.
    private static void WriteNumber(Utf8JsonWriter json, double value)
    {
        if (double.IsFinite(value))
            json.WriteNumberValue(value);
        else
            json.WriteNullValue();
    }

    private static void Row(StringBuilder text, string name, long value) =>
        text.Append(CultureInfo.InvariantCulture, $"{name,-30}{value,10}\n");

    // Most values in a small part of the range: only a logarithmic axis shows the others.
    private static bool Skewed(IReadOnlyList<double> sample)
    {
        double[] sorted = [.. sample.Order()];
        return sorted.Length >= 20 && sorted[sorted.Length * 3 / 4] - sorted[sorted.Length / 4] < 0.02 * (sorted[^1] - sorted[0]);
    }

    private static void Quantiles(StringBuilder text, string name, IReadOnlyList<double> sample)
    {
        if (sample.Count == 0)
            return;
        double[] sorted = [.. sample.Order()];
        double At(double q) => sorted[(int)Math.Round(q * (sorted.Length - 1))];
        text.Append(CultureInfo.InvariantCulture,
            $"{name,-30}{"min",10} {At(0):G4}, quartiles {At(0.25):G4}, {At(0.5):G4}, {At(0.75):G4}, max {At(1):G4}\n");
    }
}
