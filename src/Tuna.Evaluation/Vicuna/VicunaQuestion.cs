using Tuna.Data;
using Tuna.Evaluation.Predictions;
using Tuna.Data.Prompts;

namespace Tuna.Evaluation.Vicuna;

/// <summary>A question of Vicuna QA.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Category">Its category, such as <c>math</c>.</param>
/// <param name="Text">What is asked.</param>
public sealed record VicunaQuestion(string Id, string Category, string Text)
{
    /// <summary>Reads a file of questions: a row has <c>question_id</c>, <c>category</c>, and <c>turns</c> or <c>text</c>.</summary>
    /// <param name="path">The file.</param>
    /// <param name="issues">Receives rows that cannot be used, and why; null makes them errors.</param>
    /// <exception cref="DataFormatException">A row cannot be used and <paramref name="issues"/> is null, or there is no row at
    /// all.</exception>
    public static IReadOnlyList<VicunaQuestion> Load(string path, ICollection<string>? issues = null)
    {
        IReadOnlyList<VicunaQuestion> questions =
            ObjectRows.Read(path, issues, "question_id", row => new VicunaQuestion(row.Id, row.String("category"), row.Turn()));
        return questions.Count > 0
            ? questions : throw new DataFormatException("there is no question that can be used.", DataPlace.Whole(path));
    }

    /// <summary>The prompts of questions, for a <see cref="PredictionRunner"/>.</summary>
    /// <param name="questions">The questions.</param>
    /// <param name="template">The form of the prompt; Alpaca's when null.</param>
    /// <param name="maxNewTokens">Most new tokens of an answer. Default 1024, as in the official runs.</param>
    public static IReadOnlyList<EvaluationPrompt> Prompts(IEnumerable<VicunaQuestion> questions, IPromptTemplate? template = null,
        int maxNewTokens = 1024)
    {
        ArgumentNullException.ThrowIfNull(questions);
        return [.. questions.Select(question =>
            EvaluationPrompt.Of(question.Id, question.Text, template ?? AlpacaPromptTemplate.Instance, maxNewTokens))];
    }
}

/// <summary>One model's answers, or the reference answers, by question id.</summary>
/// <param name="Model">The model's name.</param>
/// <param name="ById">The answers.</param>
public sealed record VicunaAnswers(string Model, IReadOnlyDictionary<string, string> ById)
{
    /// <summary>Rows that could not be used, and why.</summary>
    public IReadOnlyList<string> Issues { get; init; } = [];

    /// <summary>Takes predictions made with <see cref="VicunaQuestion.Prompts"/>.</summary>
    public static VicunaAnswers From(string model, PredictionSet predictions)
    {
        ArgumentNullException.ThrowIfNull(predictions);
        return new VicunaAnswers(model, predictions.All.ToDictionary(prediction => prediction.Id, prediction => prediction.Text))
        {
            Issues = predictions.Issues,
        };
    }

    /// <summary>Reads answers in any of three forms, row by row: FastChat's of today (<c>question_id</c>, <c>choices[0].turns[0]</c>), its
    /// of 2023 (<c>question_id</c>, <c>text</c>), or predictions (<c>id</c>, <c>prediction</c>).</summary>
    public static VicunaAnswers Load(string model, string path)
    {
        var issues = new List<string>();
        IReadOnlyList<(string Id, string Text)> rows = ObjectRows.Read(path, issues, "question_id", row => (row.Id, row.Answer()));
        return new VicunaAnswers(model, rows.ToDictionary(row => row.Id, row => row.Text)) { Issues = issues };
    }
}
