using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;
using Tuna.Data.Groups;
using Tuna.Data.Prompts;
using Tuna.DependencyInjection;
using Tuna.Policies;
using Tuna.Rankers.Composition;
using Tuna.Rankers.Judging;
using Tuna.Rankers.Probabilistic;
using Tuna.Rankers.Teachers;
using Tuna.Ranking;
using Tuna.Tokenization;

// The namespace every application already has open where it registers services.
#pragma warning disable IDE0130
namespace Microsoft.Extensions.DependencyInjection;
#pragma warning restore IDE0130

/// <summary>Registers rankers and teachers.</summary>
/// <remarks>
/// Everything is a singleton. Of rankers (and of teachers) that are added without a key the last one is what the application gets; with a
/// key, several stand beside each other and are asked for by it (<c>GetRequiredKeyedService&lt;IResponseRanker&gt;("key")</c>). Chat
/// clients are registered with <c>AddChatClient</c> and get their journal, budget and limits there. Everything also works by <c>new</c>.
/// </remarks>
public static class RankerServiceCollectionExtensions
{
    /// <summary>Adds a ranker; the builder that is returned decorates it.</summary>
    /// <param name="tuna">The builder of <c>AddTuna</c>.</param>
    /// <param name="ranker">Makes the ranker.</param>
    /// <param name="key">Keeps it beside others; null for the application's one ranker.</param>
    public static RankerBuilder AddRanker(this ITunaBuilder tuna, Func<IServiceProvider, IResponseRanker> ranker, object? key = null)
    {
        var builder = new RankerBuilder(ranker);
        tuna.Add(builder.Build, key);
        return builder;
    }

    /// <summary>Adds the ranker by log-probabilities that came with the data (<see cref="ProbabilisticRanker"/>).</summary>
    /// <param name="tuna">The builder of <c>AddTuna</c>.</param>
    /// <param name="beta">Length exponent of Eq. 3.</param>
    /// <param name="key">Keeps it beside others; null for the application's one ranker.</param>
    public static RankerBuilder AddProbabilisticRanker(this ITunaBuilder tuna, double beta = LengthPenalizedScore.DefaultBeta,
        object? key = null) =>
        tuna.AddRanker(_ => new ProbabilisticRanker(beta), key);

    /// <summary>Adds the ranker that scores with the registered <see cref="IPolicyModel"/> (<see cref="PolicyRanker"/>).</summary>
    /// <param name="tuna">The builder of <c>AddTuna</c>.</param>
    /// <param name="beta">Length exponent of Eq. 3.</param>
    /// <param name="key">Keeps it beside others; null for the application's one ranker.</param>
    public static RankerBuilder AddPolicyRanker(this ITunaBuilder tuna, double beta = LengthPenalizedScore.DefaultBeta,
        object? key = null) =>
        tuna.AddRanker(
            services => new PolicyRanker(services.GetRequiredService<IPolicyModel>(), services.GetRequiredService<ITokenizer>(),
                services.GetService<IPromptTemplate>(), beta), key);

    /// <summary>Adds the ranker that asks the registered <see cref="IChatClient"/> (<see cref="ContextualRanker"/>).</summary>
    /// <param name="tuna">The builder of <c>AddTuna</c>.</param>
    /// <param name="options">The ranker's settings.</param>
    /// <param name="key">Keeps it beside others; null for the application's one ranker.</param>
    /// <param name="client">The key of the chat client to ask; null for the one without a key.</param>
    public static RankerBuilder AddContextualRanker(this ITunaBuilder tuna, ContextualRankerOptions? options = null, object? key = null,
        object? client = null) =>
        tuna.AddRanker(services =>
            new ContextualRanker(Client(services, client), options, services.GetService<ILogger<ContextualRanker>>()), key);

    /// <summary>Adds the teacher that asks the registered <see cref="IChatClient"/> (<see cref="ChatTeacher"/>).</summary>
    /// <param name="tuna">The builder of <c>AddTuna</c>.</param>
    /// <param name="options">The teacher's settings.</param>
    /// <param name="key">Keeps it beside others; null for the application's one teacher.</param>
    /// <param name="client">The key of the chat client to ask; null for the one without a key.</param>
    public static ITunaBuilder AddChatTeacher(this ITunaBuilder tuna, TeacherOptions? options = null, object? key = null,
        object? client = null) =>
        tuna.Add<ITeacher>(services => new ChatTeacher(Client(services, client), options), key);

    /// <summary>Adds the teacher that samples from the registered <see cref="IPolicyModel"/> (<see cref="PolicyTeacher"/>).</summary>
    /// <param name="tuna">The builder of <c>AddTuna</c>.</param>
    /// <param name="options">The teacher's settings.</param>
    /// <param name="key">Keeps it beside others; null for the application's one teacher.</param>
    public static ITunaBuilder AddPolicyTeacher(this ITunaBuilder tuna, TeacherOptions? options = null, object? key = null) =>
        tuna.Add<ITeacher>(services =>
            new PolicyTeacher(services.GetRequiredService<IPolicyModel>(), services.GetRequiredService<ITokenizer>(), options), key);

    private static IChatClient Client(IServiceProvider services, object? key) =>
        key is null ? services.GetRequiredService<IChatClient>() : services.GetRequiredKeyedService<IChatClient>(key);
}
