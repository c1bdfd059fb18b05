using System.ClientModel;
using System.Text.Json;
using Tuna.Data;
using Tuna.Ranking;

namespace Tuna.Cli.Hosting;

/// <summary>Exceptions as exit codes and messages for people.</summary>
internal static class Failures
{
    public static (int ExitCode, string Message) Explain(Exception exception) => exception switch
    {
        StageException e => (e.ExitCode, e.Message),
        DataFormatException e => (ExitCodes.BadInput, e.Message),
        RankingException { Reason: RankingFailure.BudgetExhausted } e => (ExitCodes.Budget, e.Message),
        RankingException { Reason: RankingFailure.Stopped or RankingFailure.ServiceError } e => (ExitCodes.Service, e.Message),
        RankingException e => (ExitCodes.BadInput, e.Message),
        ClientResultException e => (ExitCodes.Service, $"The service answered with status {e.Status}: {FirstLine(e.Message)}"),
        HttpRequestException e => (ExitCodes.Service, $"The service cannot be reached: {FirstLine(e.Message)}"),
        FileNotFoundException e => (ExitCodes.BadInput, e.FileName is null || e.Message.Contains(e.FileName, StringComparison.Ordinal) ? e.Message : $"{e.FileName}: {e.Message}"),
        JsonException e => (ExitCodes.BadInput, $"Not valid JSON: {FirstLine(e.Message)}"),
        IOException or UnauthorizedAccessException or InvalidDataException or FormatException or ArgumentException or NotSupportedException => (ExitCodes.BadInput, WithoutParameter(exception)),
        AggregateException { InnerExceptions.Count: 1 } e => Explain(e.InnerExceptions[0]),
        _ => (ExitCodes.Defect, $"This is a defect, please report it: {exception}"),
    };

    // The name of a method's parameter tells a person at the command line nothing.
    private static string WithoutParameter(Exception exception) =>
        exception is ArgumentException { ParamName: { } name } ? exception.Message.Replace($" (Parameter '{name}')", "", StringComparison.Ordinal) : exception.Message;

    private static string FirstLine(string text) => text.Split('\n', 2)[0].Trim();
}
