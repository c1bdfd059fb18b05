using System.Text.Json.Nodes;
using Spectre.Console;
using Tuna.Cli.Hosting;
using Tuna.Text;

namespace Tuna.Cli.Terminal;

/// <summary>All that a stage says: results on standard output, everything else on standard error.</summary>
internal sealed class StageUi(OutputMode mode, TextWriter output, TextWriter error, TimeProvider time, Func<TextReader>? input = null)
{
    // Readable text in the output: only what JSON demands is escaped.
    private static readonly System.Text.Json.JsonSerializerOptions OneLine =
        new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Lock _gate = new();

    public OutputMode Mode => mode;

    public TimeProvider Time => time;

    /// <summary>What a person types.</summary>
    public TextReader Input => input?.Invoke() ?? TextReader.Null;

    /// <summary>Writes a part of a result as it comes.</summary>
    public void Stream(string text)
    {
        lock (_gate)
        {
            output.Write(ForeignText.Printable(text));
            output.Flush();
        }
    }

    /// <summary>Shows that something may be typed; nothing where nobody looks.</summary>
    public void Prompt(string text)
    {
        if (mode.Quiet || mode.Json || System.Console.IsInputRedirected)
            return;
        lock (_gate)
        {
            error.Write(text);
            error.Flush();
        }
    }

    /// <summary>One object of a result that has several, in JSON's mode.</summary>
    public void Item(JsonObject item) => WriteJson(output, item);

    /// <summary>Says something that a person may want to know.</summary>
    public void Note(string text)
    {
        if (mode.Quiet)
            return;
        if (mode.Json)
            Event("note", text);
        else
            ErrorLine(text);
    }

    /// <summary>Says something that a person should look at.</summary>
    public void Warn(string text)
    {
        if (mode.Json)
            Event("warning", text);
        else
            ErrorLine("warning: " + text);
    }

    /// <summary>Runs work under a meter.</summary>
    public T Measure<T>(string what, string unit, long total, long before, Func<Meter, T> work) =>
        MeasureAsync(what, unit, total, before, meter => Task.FromResult(work(meter))).GetAwaiter().GetResult();

    /// <summary>Runs work under a meter.</summary>
    public async Task<T> MeasureAsync<T>(string what, string unit, long total, long before, Func<Meter, Task<T>> work)
    {
        if (mode.Quiet)
            return await work(new(new SilentView(), time, what, unit, total, before));
        if (mode.Json)
            return await work(new(new LineView(reading => WriteJson(error, LineView.ToJson(reading))), time, what, unit, total, before));
        if (System.Console.IsErrorRedirected)
            return await work(new(new LineView(reading => ErrorLine(reading.ToString())), time, what, unit, total, before));

        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(error) });
        return await console.Progress()
            .AutoClear(true)
            .Columns(new ProgressBarColumn(), new PercentageColumn(), new TaskDescriptionColumn { Alignment = Justify.Left })
            .StartAsync(context => Task.Run(() =>
                work(new(new BarView(context.AddTask(Markup.Escape(what))), time, what, unit, total, before))));
    }

    /// <summary>Prints a stage's result; one that failed tells so as every failure does.</summary>
    public void Result(string command, StageResult result)
    {
        bool done = result.ExitCode is ExitCodes.Ok or ExitCodes.Partial;
        if (mode.Json)
            WriteJson(output, Envelope(command, result.ExitCode == ExitCodes.Ok
                ? "ok" : done ? "partial" : "error", result.ExitCode, result.Facts));
        else if (!done)
            ErrorLine("error: " + result.Summary);
        else if (result.Summary.Length > 0)
            Locked(output, result.Summary);
    }

    /// <summary>Prints why a stage failed.</summary>
    public void Failure(string command, int exitCode, string message)
    {
        if (mode.Json)
            WriteJson(output, Envelope(command, exitCode is ExitCodes.Cancelled or ExitCodes.Terminated
                ? "cancelled" : "error", exitCode, new() { ["message"] = message }));
        else
            ErrorLine(exitCode is ExitCodes.Cancelled or ExitCodes.Terminated ? message : "error: " + message);
    }

    private static JsonObject Envelope(string command, string status, int exitCode, JsonObject facts)
    {
        var envelope = new JsonObject { ["command"] = command, ["status"] = status, ["exit_code"] = exitCode };
        foreach (var (name, value) in facts)
            envelope[name] = value?.DeepClone();
        return envelope;
    }

    private void Event(string kind, string text) => WriteJson(error, new() { ["event"] = kind, ["text"] = text });

    private void ErrorLine(string text) => Locked(error, text);

    private void WriteJson(TextWriter writer, JsonObject value) => Locked(writer, value.ToJsonString(OneLine));

    private void Locked(TextWriter writer, string line)
    {
        lock (_gate)
            writer.WriteLine(ForeignText.Printable(line));
    }
}
