using Tuna.Data;
using Tuna.Data.Groups;
using Tuna.Data.Prompts;
using Tuna.Policies;
using Tuna.Tokenization;

namespace Tuna.Cli.Models;

/// <summary>A model folder in memory with its tokenizer.</summary>
internal sealed record LoadedPolicy(ITrainablePolicy Policy, ITokenizer Tokenizer, IPromptTemplate Template, string Folder) : IDisposable
{
    /// <summary>Names the model in rows.</summary>
    public string Name => Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(Folder)));

    /// <summary>Prompts and responses as tokens, up to the model's context.</summary>
    public GroupTokenizer Groups { get; } = new(Tokenizer, Template, options: new() { MaxLength = Policy.Info.ContextLength });

    /// <summary>Puts a model and its tokenizer together; the model is disposed where they do not belong together.</summary>
    public static LoadedPolicy Of(ITrainablePolicy policy, ITokenizer tokenizer, IPromptTemplate template, string folder)
    {
        try
        {
            ModelFolder.RequireMatch(tokenizer, policy.Info.VocabularySize, folder);
            return new LoadedPolicy(policy, tokenizer, template, folder);
        }
        catch
        {
            policy.Dispose();
            throw;
        }
    }

    public void Dispose() => Policy.Dispose();
}
