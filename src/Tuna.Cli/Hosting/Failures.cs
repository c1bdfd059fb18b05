using System.Runtime.InteropServices;
using System.Text.Json;
using Tuna.Chat.Errors;
using Tuna.Data;
using Tuna.Distributed;
using Tuna.Ranking;

namespace Tuna.Cli.Hosting;

/// <summary>Exceptions as exit codes and messages for people.</summary>
internal static class Failures
{
    public static (int ExitCode, string Message) Explain(Exception exception) => exception switch
    {
        StageException e => (e.ExitCode, e.Message),
        ProcessGroupException or MpiUnavailableException => (ExitCodes.BadInput, exception.Message),
        DataFormatException e => (ExitCodes.BadInput, e.Message),
        RankingException { Reason: RankingFailure.BudgetExhausted } e => (ExitCodes.Budget, e.Message),
        RankingException { Reason: RankingFailure.Stopped or RankingFailure.ServiceError } e => (ExitCodes.Service, e.Message),
        RankingException e => (ExitCodes.BadInput, e.Message),
        ChatServiceException e => (ExitCodes.Service, Service(e.Error.Status, e.Message)),
        HttpRequestException e => (ExitCodes.Service, $"The service cannot be reached: {FirstLine(e.Message)}"),
        FileNotFoundException e =>
            (ExitCodes.BadInput, e.FileName is null || e.Message.Contains(e.FileName, StringComparison.Ordinal)
            ? e.Message : $"{e.FileName}: {e.Message}"),
        JsonException e => (ExitCodes.BadInput, $"Not valid JSON: {FirstLine(e.Message)}"),
        // Libraries refuse what they do not know by this exception: a tokenizer's component, an architecture, a role.
        NotSupportedException e => (ExitCodes.BadInput, e.Message),
        OutOfMemoryException => (ExitCodes.BadInput,
            "There is not enough memory. Training takes less with --low-memory, a smaller --micro-batch or --max-length; --engine torch "
            + "also with --memory-gb or --lora-rank."),
        ExternalException e when e.Message.Contains("out of memory", StringComparison.OrdinalIgnoreCase) =>
            (ExitCodes.BadInput,
                $"The device has not enough memory: {FirstLine(e.Message)} Use --memory-gb, --lora-rank, --dtype bfloat16, a smaller "
                + $"--max-length or --batch."),
        IOException or UnauthorizedAccessException or InvalidDataException or FormatException or ArgumentException =>
            (ExitCodes.BadInput, WithoutParameter(exception)),
        AggregateException { InnerExceptions.Count: 1 } e => Explain(e.InnerExceptions[0]),
        _ => (ExitCodes.Defect, $"This is a defect, please report it: {exception}"),
    };

    // The name of a method's parameter tells a person at the command line nothing.
    private static string WithoutParameter(Exception exception) =>
        exception is ArgumentException { ParamName: { } name }
            ? exception.Message.Replace($" (Parameter '{name}')", "", StringComparison.Ordinal) : exception.Message;

    private static string Service(int status, string message) => status switch
    {
        401 => $"The service refuses the key (HTTP 401): {FirstLine(message)} Check {Services.ServiceOptions.KeyVariable}, and that it "
            + $"belongs to the service at --base-url.",
        403 => $"The service forbids the call (HTTP 403): {FirstLine(message)} The key may have no right to this model.",
        404 => $"The service does not know the address or the model (HTTP 404): {FirstLine(message)} Check --base-url, which usually ends "
            + $"in /v1, and the model's name.",
        > 0 => $"The service answered with status {status}: {FirstLine(message)}",
        _ => FirstLine(message),
    };

    private static string FirstLine(string text) => text.Split('\n', 2)[0].Trim();
}
