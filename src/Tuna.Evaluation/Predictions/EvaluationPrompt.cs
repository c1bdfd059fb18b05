using Tuna.Data.Prompts;

namespace Tuna.Evaluation.Predictions;

/// <summary>What a model is asked in an evaluation.</summary>
/// <param name="Id">Names the prediction; unique within the benchmark.</param>
/// <param name="Text">The prompt, complete: what the model continues.</param>
/// <param name="MaxNewTokens">Most tokens of the answer, the stop token included.</param>
public sealed record EvaluationPrompt(string Id, string Text, int MaxNewTokens)
{
    /// <summary>A prompt in a template's form.</summary>
    /// <exception cref="InvalidDataException">The template refuses the text; names the id.</exception>
    internal static EvaluationPrompt Of(string id, string text, IPromptTemplate? template, int maxNewTokens)
    {
        try
        {
            return new(id, template?.Format(text) ?? text, maxNewTokens);
        }
        catch (ArgumentException e)
        {
            throw new InvalidDataException($"prompt '{id}': {e.Message}", e);
        }
    }
}

/// <summary>What a model wrote.</summary>
/// <param name="Id">The prompt's id.</param>
/// <param name="Text">The answer.</param>
/// <param name="TokenCount">Its length in the model's tokens, the stop token included, when known.</param>
/// <param name="Stopped">Whether the model ended it itself, when known; otherwise the budget did.</param>
/// <param name="PromptHash">A hash of the prompt and the settings it was made with, when known: what a resumed run checks.</param>
public sealed record Prediction(string Id, string Text, int? TokenCount = null, bool? Stopped = null, string? PromptHash = null);
