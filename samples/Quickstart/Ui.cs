using Spectre.Console;

namespace Quickstart;

/// <summary>Progress bars on a terminal, one line per finished piece of work elsewhere.</summary>
internal sealed class Ui(IAnsiConsole console, TimeProvider time)
{
    // Wide enough that a file never has a line broken inside a number.
    private const int RedirectedWidth = 400;

    /// <summary>The console; into a file or a pipe, plain lines of any length.</summary>
    public static IAnsiConsole PlainWhenRedirected()
    {
        if (Console.IsOutputRedirected)
            AnsiConsole.Profile.Width = RedirectedWidth;
        return AnsiConsole.Console;
    }

    public void Title(string text)
    {
        console.WriteLine();
        if (Console.IsOutputRedirected)
        {
            console.WriteLine($"== {text}");
            return;
        }

        console.Write(new Rule($"[bold]{Markup.Escape(text)}[/]").LeftJustified());
    }

    public void Line(string text) => console.MarkupLineInterpolated($"{text}");

    /// <summary>Runs one piece of work under a bar.</summary>
    /// <param name="what">Its name.</param>
    /// <param name="work">Reports progress in [0, 1] and, optionally, a short status such as the loss.</param>
    public T Run<T>(string what, Func<Action<double, string>, T> work)
    {
        long start = time.GetTimestamp();
        T result = default!;
        string last = "";
        if (!console.Profile.Capabilities.Interactive)
        {
            long told = start;
            result = work((share, status) =>
            {
                last = status;
                if (time.GetElapsedTime(told).TotalSeconds < 10)
                    return;
                told = time.GetTimestamp();
                console.WriteLine($"  {what,-34} {100 * share,5:0} %  {status}");
            });
        }
        else
        {
            console.Progress()
                .AutoClear(true)
                .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(),
                    new RemainingTimeColumn())
                .Start(context =>
                {
                    ProgressTask bar = context.AddTask(Markup.Escape(what), maxValue: 1);
                    result = work((share, status) =>
                    {
                        last = status;
                        bar.Value = share;
                        bar.Description = Markup.Escape($"{what,-34} {status}");
                    });
                });
        }

        console.WriteLine($"  {what,-34} {time.GetElapsedTime(start).TotalSeconds,6:0.0} s  {last}");
        return result;
    }

    /// <summary>The table of stages.</summary>
    public void Scores(IReadOnlyList<StageScores> stages) => Table(
        SummaryTable.Header,
        stages.Select(s => (string[])[s.Stage,
            .. StageScores.Columns.Select(c => double.IsNaN(c.Value(s)) ? "–" : Number(c.Value(s), c.Format))]));

    /// <summary>A table whose first column is text and whose others are numbers.</summary>
    public void Table(IEnumerable<string> header, IEnumerable<string[]> rows)
    {
        Table table = new Table().Border(TableBorder.Rounded);
        foreach ((int i, string title) in header.Index())
            table.AddColumn(i == 0 ? new TableColumn(title) : new TableColumn(title).RightAligned());
        foreach (string[] row in rows)
            table.AddRow([.. row.Select(c => new Text(c))]);
        console.Write(table);
    }

    public static string Number(double value, string format) => value.ToString(format, System.Globalization.CultureInfo.InvariantCulture);
}
